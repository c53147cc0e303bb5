"""The classes of personal data, which settings and columns name alike.

Which column has which class is declared in `tables.personal`; what is done with a class is `privacy`.
"""

from __future__ import annotations

from enum import StrEnum


class PersonalData(StrEnum):
    """Whose personal data a value is."""

    NONE = "none"
    PERSON = "person"
    CONTACT = "contact"
    CONTENT = "content"
