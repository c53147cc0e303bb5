"""The classes of personal data, by the names that settings and columns share.

`tables.personal` declares the class of each column, `privacy` decides what is done with a class.
"""

from __future__ import annotations

from enum import StrEnum


class PersonalData(StrEnum):
    """Whose personal data a value is: nobody's (none), an agent's (person) or a customer's (contact). Content is what
    was said or noted.
    """

    NONE = "none"
    PERSON = "person"
    CONTACT = "contact"
    CONTENT = "content"
