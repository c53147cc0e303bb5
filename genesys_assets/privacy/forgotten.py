"""The list of who must be forgotten: digests of ids, stored in the lake, so that later fetches do not bring anybody
back.

    <lake>/forgotten/<kind>/<digest>.<pseudonym>.<length of the id>      one file for each id
    <lake>/forgotten/user-name/<digest>.<pseudonym>.<length>             one for each name of a user, in lower case

Files are only added, so two processes that forget at once lose nothing. A digest does not reveal the id, because ids
are random. It has no key, because with a lost key everybody would come back. If the lake has hashed an id, the digest
of its hash is on the list too. A UUID is the same id in upper and lower case. Names are not random: somebody with the
lake can test whether a name is on the list, but precomputed tables of digests do not help.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from genesys_assets.privacy.protection import Protection

FOLDER = "forgotten"
_CONTENT = b"This file is named after somebody who was forgotten. Keep it, or they come back.\n"
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HASH = re.compile(r"hash:[0-9a-f]{32}")
_UUID_LENGTH, _HASH_LENGTH = 36, 37
_WORD = re.compile(r"(?<!\w)\w")
_WORD_ENDS = re.compile(r"s?(?!\w)")
_LETTERS = "[0-9A-Za-z_.-]"
_SHORTEST = 3
_OTHER = re.compile(rf"{_LETTERS}{{3,128}}")
"""The form of an id that is neither a UUID nor a hash. Such an id is only found between characters that no id has."""
_NAME = re.compile(r"(?P<kind>[a-z-]+)/(?P<digest>[0-9a-f]{64})\.(?P<pseudonym>[0-9a-f]{16})\.(?P<length>\d+)")


class InvalidId(ValueError):
    """A text cannot be the id of anybody."""


class SmallFiles(Protocol):
    """The store of the list; `lake.store.Store` is one."""

    def names(self, folder: str) -> list[str]:
        """The keys under a folder, relative to it."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write a small file, replacing an existing one atomically."""
        ...


class Kind(StrEnum):
    """What an id belongs to. `CONTACT_CONVERSATION`: a conversation in which a forgotten external contact took part.
    `USER_NAME`: not an id, but the name of a user.
    """

    CONVERSATION = "conversation"
    USER = "user"
    EXTERNAL_CONTACT = "external-contact"
    CONTACT_CONVERSATION = "contact-conversation"
    USER_NAME = "user-name"


@dataclass(frozen=True, slots=True)
class Entry:
    """One id that must be forgotten, and the pseudonym that replaces it."""

    kind: Kind
    pseudonym: str


@dataclass(frozen=True, slots=True)
class ForgottenIds:
    """Everybody who must be forgotten, by the digest of the id. `lengths` are the lengths of all these ids, and
    `name_lengths` those of all names: texts of other lengths need not be hashed.
    """

    by_digest: Mapping[str, frozenset[Entry]] = field(default_factory=dict)
    lengths: frozenset[int] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    """Pseudonyms of users by the digest of each of their names."""
    name_lengths: frozenset[int] = frozenset()
    matched: set[Entry] = field(default_factory=set, compare=False)
    """The entries whose ids were found in anything that was searched. Lists made by `joined_by` share this set."""

    @classmethod
    def load(cls, store: SmallFiles) -> ForgottenIds:
        """The list as it is in the lake now."""
        by_digest: dict[str, frozenset[Entry]] = {}
        lengths = set()
        names: dict[str, tuple[str, int]] = {}
        for name in store.names(FOLDER):
            match = _NAME.fullmatch(name)
            if match and match["kind"] == Kind.USER_NAME:
                names[match["digest"]] = f"forgotten:{match['pseudonym']}", int(match["length"])
            elif match and match["kind"] in list(Kind):
                entry = Entry(Kind(match["kind"]), f"forgotten:{match['pseudonym']}")
                by_digest[match["digest"]] = by_digest.get(match["digest"], frozenset()) | {entry}
                lengths.add(int(match["length"]))
        name_lengths = frozenset(length for _, length in names.values())
        return cls(by_digest, frozenset(lengths), {digest: name for digest, (name, _) in names.items()}, name_lengths)

    def __bool__(self) -> bool:
        return bool(self.by_digest)

    def has(self, kind: Kind) -> bool:
        """Whether an id of this kind is on the list."""
        return any(entry.kind is kind for entries in self.by_digest.values() for entry in entries)

    def joined_by(self, kind: Kind, ids: Iterable[str], protection: Protection) -> ForgottenIds:
        """The list with further ids, in memory only: see `remember`."""
        by_digest, lengths = dict(self.by_digest), set(self.lengths)
        for digest, pseudonym, length in _digests(ids, protection):
            by_digest[digest] = by_digest.get(digest, frozenset()) | {Entry(kind, f"forgotten:{pseudonym}")}
            lengths.add(length)
        return replace(self, by_digest=by_digest, lengths=frozenset(lengths))

    def entry(self, text: str, kind: Kind) -> Entry | None:
        """The entry of this kind for an id; None if it is not on the list."""
        if len(text) not in self.lengths:
            return None
        entries = self.by_digest.get(_digest(text), ())
        found = next((entry for entry in entries if entry.kind is kind), None)
        if found is not None:
            self.matched.add(found)
        return found

    def names_in(self, texts: Iterable[str]) -> dict[str, str]:
        """The names of forgotten users that texts contain as words, in lower case, with their pseudonyms."""
        names: dict[str, str] = {}
        for text in {text.lower() for text in texts} if self.names else ():
            for at in (match.start() for match in _WORD.finditer(text)):
                for length in self.name_lengths:
                    name = text[at : at + length]
                    whole = len(name) == length and _WORD_ENDS.match(text, at + length)
                    if whole and name not in names and (pseudonym := self.names.get(_name_digest(name))):
                        names[name] = pseudonym
        return names

    def ids_in(self, text: str) -> dict[str, frozenset[Entry]]:
        """The forgotten ids in a text."""
        ids = {id_ for form in self._forms for id_ in form.findall(text)}
        wanted = (id_ for id_ in ids if len(id_) in self.lengths)
        found = {id_: entries for id_ in wanted if (entries := self.by_digest.get(_digest(id_)))}
        self.matched.update(*found.values())
        return found

    @property
    def _forms(self) -> list[re.Pattern[str]]:
        """The patterns of the ids on the list. If all are UUIDs and hashes, other ids are not searched, which would
        take ten times as long.
        """
        if not self.lengths:
            return []
        return [_UUID, _HASH] if self.lengths <= {_UUID_LENGTH, _HASH_LENGTH} else [_UUID, _HASH, _OTHER]

    def without_ids(self, text: str, found: Mapping[str, frozenset[Entry]]) -> str:
        """A text with pseudonyms instead of the ids that `ids_in` returned. The id of a conversation in which a
        forgotten contact took part stays.
        """
        for id_, entries in found.items():
            pseudonym = next((each.pseudonym for each in entries if each.kind is not Kind.CONTACT_CONVERSATION), None)
            if pseudonym is None:
                continue
            if _UUID.fullmatch(id_) or _HASH.fullmatch(id_):
                text = text.replace(id_, pseudonym)
            else:
                text = re.sub(rf"(?<!{_LETTERS}){re.escape(id_)}(?!{_LETTERS})", pseudonym, text)
        return text


def parse_id(kind: Kind, text: str) -> str:
    """The id that somebody wrote, without spaces around it.

    Conversations and users of the platform have UUIDs. External contacts may have other ids. Raises InvalidId.

    >>> parse_id(Kind.CONVERSATION, "1234")
    Traceback (most recent call last):
        ...
    genesys_assets.privacy.forgotten.InvalidId: '1234' is not the id of a conversation. …
    """
    id_ = text.strip()
    if _UUID.fullmatch(id_) or (kind is not Kind.CONVERSATION and _HASH.fullmatch(id_)):
        return id_
    if kind is Kind.EXTERNAL_CONTACT and len(id_) >= _SHORTEST and _OTHER.fullmatch(id_):
        return id_
    allowed = {
        Kind.USER: "a UUID such as 9f8e7d6c-0d5b-4c55-9c0f-1f2f4be0a001, or a hash such as the lake stores",
        Kind.EXTERNAL_CONTACT: f"a UUID, a hash such as the lake stores, or {_SHORTEST} to 128 letters, digits, _ . -",
    }
    raise InvalidId(
        f"{text!r} is not the id of {'an' if kind is Kind.EXTERNAL_CONTACT else 'a'} {kind.replace('-', ' ')}. That is "
        f"{allowed.get(kind, 'a UUID such as 5e4f9c1a-0d5b-4c55-9c0f-1f2f4be0a001')}. Copy the whole id from the "
        "platform, or from a table of the lake."
    )


def pseudonym_of(id_: str) -> str:
    """The pseudonym that replaces an id."""
    return f"forgotten:{_short_pseudonym(id_)}"


def remember(store: SmallFiles, kind: Kind, ids: Iterable[str], protection: Protection) -> None:
    """Add ids to the list in the lake."""
    for digest, pseudonym, length in _digests(ids, protection):
        store.put(f"{FOLDER}/{kind}/{digest}.{pseudonym}.{length}", _CONTENT)


def remember_names(store: SmallFiles, names: Mapping[str, str]) -> None:
    """Add names of users, in lower case, with their pseudonyms, to the list."""
    for name, pseudonym in names.items():
        short = pseudonym.removeprefix("forgotten:")
        store.put(f"{FOLDER}/{Kind.USER_NAME}/{_name_digest(name)}.{short}.{len(name)}", _CONTENT)


def _name_digest(name: str) -> str:
    return _digest(f"the name of a user: {name}")


def _digests(ids: Iterable[str], protection: Protection) -> Iterator[tuple[str, str, int]]:
    """The digests of each id and of its hashes, each with the pseudonym and the length of the text."""
    for id_ in ids:
        one_case = _in_one_case(id_)
        pseudonym = _short_pseudonym(id_)
        hashes = [protection.hashed(id_), protection.hashed(one_case)] if protection.key else []
        forms = [one_case, *hashes]
        yield from ((_digest(form), pseudonym, len(form)) for form in dict.fromkeys(forms))


def _short_pseudonym(id_: str) -> str:
    return _digest(f"pseudonym of {_in_one_case(id_)}")[:16]


def _in_one_case(id_: str) -> str:
    return id_.lower() if len(id_) == _UUID_LENGTH else id_


def _digest(text: str) -> str:
    return hashlib.sha256(_in_one_case(text).encode("utf-8", "surrogatepass")).hexdigest()
