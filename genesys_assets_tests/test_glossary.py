"""The glossary: a reader finds a word where the alphabet puts it."""

from __future__ import annotations

import re
from pathlib import Path

GLOSSARY = Path(__file__).parents[1] / "docs" / "glossary.md"


def test_the_words_are_in_order() -> None:
    words = re.findall(r"^\| ([^|]+?) \| ", GLOSSARY.read_text(), re.MULTILINE)[1:]
    assert len(words) > 40
    assert words == sorted(words, key=lambda word: word.replace("(`made_of`)", "").casefold())
