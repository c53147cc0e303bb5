"""What is done with each answer before anything of it is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from genesys_assets.cloud.page import Page
from genesys_assets.privacy.answers import protected, rule_of
from genesys_assets.privacy.protection import KEEP, Protection

P = TypeVar("P", bound=Page)


class Screen:
    """Protects personal data as the settings say."""

    def __init__(self, protection: Protection = KEEP) -> None:
        self.protection = protection

    def page(self, place: str, page: P) -> P:
        """The page as it may be stored in a place of the lake, or be made a table of there.

        Raises UnreadablePage, CannotDrop, Unclassified.
        """
        if not self.protection.is_on:
            return page
        return replace(page, body=protected(page.body, rule_of(place), self.protection), content=None)
