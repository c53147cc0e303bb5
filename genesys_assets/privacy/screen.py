"""Processes each answer before anything of it is stored: removes those who must be forgotten, and keeps, hashes or
drops personal data.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeVar

from genesys_assets.cloud.http.page import Page
from genesys_assets.privacy import lake_files
from genesys_assets.privacy.answers import protected, rule_of
from genesys_assets.privacy.forgotten import ForgottenIds
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.privacy.scrubbed_answers import scrubbed

P = TypeVar("P", bound=Page)


@dataclass(slots=True)
class Screen:
    """Processes the answers that are stored in one place of the lake, or become the table there.

    `taken_out` has the pseudonyms of the conversations that were removed so far; `dropped` counts unknown fields that
    were dropped, by path. `of_contacts` are conversations in which a forgotten contact took part: other answers may
    hold more of them.
    """

    place: str
    protection: Protection = KEEP
    who: ForgottenIds = field(default_factory=ForgottenIds)
    taken_out: set[str] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)
    of_contacts: set[str] = field(default_factory=set)

    def restart(self) -> None:
        """Reset the counts, because the pages are about to be written once more."""
        self.taken_out.clear()
        self.dropped.clear()

    def page(self, page: P) -> P:
        """The page as it may be stored. Raises UnreadablePage, CannotDrop, MissingClass."""
        if self.who:
            page = self._without_forgotten(page)
        if not self.protection.is_on:
            return page
        if self.place == lake_files.PLACE:
            schema = lake_files.schema_of(page.request)
            return replace(page, body=lake_files.protected(schema, page.body, self.protection, self.dropped))
        body = protected(page.body, rule_of(self.place), self.protection, self.dropped)
        return replace(page, body=body, content=None)

    def _without_forgotten(self, page: P) -> P:
        request = self.who.without_ids(page.request, self.who.ids_in(page.request))
        if self.place == lake_files.PLACE:
            schema = lake_files.schema_of(page.request)
            self.of_contacts |= set(lake_files.conversations_of_contacts(schema, page.body, self.who))
            scrubbed_ = lake_files.scrubbed(schema, page.body, self.who)
        else:
            scrubbed_ = scrubbed(self.place, page.body, self.who)
        if scrubbed_ is None:
            return page if request == page.request else replace(page, request=request)
        self.taken_out |= scrubbed_.taken_out
        return replace(page, body=scrubbed_.body, request=request, content=None)
