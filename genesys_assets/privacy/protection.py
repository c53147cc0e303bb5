"""Keep, hash or drop: what happens to each class of personal data before it is stored.

Hashes use a secret key, so nobody without the key can test guesses. The same value has the same hash in every column
and table, so hashed columns can still be joined.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from genesys_assets.personal_data import PersonalData
from genesys_assets.settings import PersonalDataSettings

Action = Literal["keep", "hash", "drop"]

_STRICTNESS: tuple[Action, ...] = ("keep", "hash", "drop")
_PREFIX = "hash:"
_DIGITS = 32
_HASHED = re.compile(rf"{_PREFIX}[0-9a-f]{{{_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Protection:
    """The action for values of each class. A class without an action is kept. `key` is the key of hashes."""

    actions: Mapping[PersonalData, Action] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def from_settings(cls) -> Protection:
        """The protection that GENESYS_ASSETS_PERSONAL_DATA asks for. Raises SettingError."""
        settings = PersonalDataSettings.load()
        return cls(settings.actions, settings.secret)

    @property
    def is_on(self) -> bool:
        """Whether any class is not kept."""
        return any(self.action(class_) != "keep" for class_ in PersonalData)

    def action(self, class_: PersonalData) -> Action:
        return "keep" if class_ is PersonalData.NONE else self.actions.get(class_, "keep")

    def strictest(self, classes: Iterable[PersonalData]) -> Action:
        """The strictest action of several classes, for a value that may be of any of them."""
        return max(map(self.action, classes), key=_STRICTNESS.index, default="keep")

    def hashed(self, text: str) -> str:
        """The keyed hash of a text, 37 characters. A text that is a hash already, and an empty text, are unchanged."""
        if not text or _HASHED.fullmatch(text):
            return text
        digest = hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256")
        return f"{_PREFIX}{digest.hex()[:_DIGITS]}"


KEEP = Protection()
"""Everything is stored unchanged."""
