"""Numbers that keep the text from which they were parsed. A text column is compared with that text: with +4179, not
with 4179, and with 1.50, not with 1.5.
"""

from __future__ import annotations

from typing import Any, Self


class WrittenNumber:
    """A number; `str()` gives the text from which it was parsed."""

    written: str

    @classmethod
    def of(cls, text: str) -> Self:
        number = cls(text)  # type: ignore[call-arg]
        number.written = text
        return number

    def __str__(self) -> str:
        return self.written


class _Whole(WrittenNumber, int): ...


class _Decimal(WrittenNumber, float): ...


def number(text: str, *, is_whole: bool) -> int | float:
    """The number of a text. Raises ValueError.

    >>> number("+41", is_whole=True) == 41, str(number("+41", is_whole=True))
    (True, '+41')
    """
    usual: int | float = int(text) if is_whole else float(text)
    return usual if str(usual) == text else (_Whole if is_whole else _Decimal).of(text)


def in_json(stated: Any) -> Any:
    """A value for JSON. Numbers that keep their text become that text."""
    if isinstance(stated, dict):
        return {name: in_json(of) for name, of in stated.items()}
    if isinstance(stated, list):
        return [in_json(each) for each in stated]
    return str(stated) if isinstance(stated, WrittenNumber) else stated
