"""Numbers that remember how they were written, for where they are compared with text: +4179 is no 4179, 1.50 no 1.5."""

from __future__ import annotations

from typing import Any, Self


class AsWritten:
    """A number whose text is what was written."""

    written: str

    @classmethod
    def of(cls, text: str) -> Self:
        number = cls(text)  # type: ignore[call-arg]
        number.written = text
        return number

    def __str__(self) -> str:
        return self.written


class _Whole(AsWritten, int): ...


class _Decimal(AsWritten, float): ...


def number(text: str, *, is_whole: bool) -> int | float:
    """The number of a text. Raises ValueError.

    >>> number("+41", is_whole=True) == 41, str(number("+41", is_whole=True))
    (True, '+41')
    """
    usual: int | float = int(text) if is_whole else float(text)
    return usual if str(usual) == text else (_Whole if is_whole else _Decimal).of(text)


def in_json(stated: Any) -> Any:
    """A value for JSON, where a number that JSON would write otherwise is text."""
    if isinstance(stated, dict):
        return {name: in_json(of) for name, of in stated.items()}
    if isinstance(stated, list):
        return [in_json(each) for each in stated]
    return str(stated) if isinstance(stated, AsWritten) else stated
