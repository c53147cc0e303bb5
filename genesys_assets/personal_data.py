"""The classes of personal data, by the names that settings and columns share.

`tables.personal` declares the class of each column, `privacy` decides what is done with a class.
"""

from __future__ import annotations

from enum import StrEnum


class PersonalData(StrEnum):
    """Whose personal data a value is: nobody's, an agent's (person), a customer's (contact), or content: what was said
    or noted.
    """

    NONE = "none"
    PERSON = "person"
    CONTACT = "contact"
    CONTENT = "content"
