"""A setting decides which personal data are stored. A hash is keyed, stable, and the same for every place of a
value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake.opening import open_lake
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.settings import PersonalDataSettings, SettingError
from genesys_assets_tests.assets.world import environment

SETTING, KEY = "GENESYS_ASSETS_PERSONAL_DATA", "GENESYS_ASSETS_PERSONAL_DATA_KEY"
SECRET = "a key of thirty-two characters, or more"
PERSON, CONTACT, CONTENT = PersonalData.PERSON, PersonalData.CONTACT, PersonalData.CONTENT
ONE, OTHER = Protection(key=b"k" * 32), Protection(key=b"K" * 32)


def actions(stated: str) -> list[str]:
    with environment({SETTING: stated, KEY: SECRET}):
        return list(PersonalDataSettings.load().actions.values())


def refusal(settings: dict[str, str]) -> str:
    with environment(settings), pytest.raises(SettingError) as refused:
        open_lake("/nowhere")
    return str(refused.value)


@pytest.mark.parametrize(
    ("stated", "person", "contact", "content"),
    [
        ("", "keep", "keep", "keep"),
        ("hash", "hash", "hash", "hash"),
        ("contact=hash,content=drop", "keep", "hash", "drop"),
        (" content = drop , person=hash ", "hash", "keep", "drop"),
    ],
)
def test_each_class_is_kept_hashed_or_dropped(stated: str, person: str, contact: str, content: str) -> None:
    assert actions(stated) == [person, contact, content]


@pytest.mark.parametrize(
    "stated",
    ["forget", "contact", "contact=", "contacts=hash", "contact=mask", "contact=hash,contact=drop", "none=drop", ","],
)
def test_a_setting_that_is_not_understood_is_refused_with_what_is_allowed(stated: str) -> None:
    said = refusal({SETTING: stated, KEY: SECRET})
    assert said.startswith(f"{SETTING} cannot be {stated!r}: ")
    assert "Classes: person, contact, content. Actions: keep, hash, drop" in said
    assert f"{SETTING}=contact=hash,content=drop" in said


@pytest.mark.parametrize("stated", ["hash", "contact=hash", "drop", "person=drop"])
def test_what_is_hashed_needs_a_key(stated: str) -> None:
    said = refusal({SETTING: stated})
    assert said.startswith(f"{KEY} is not set, and {SETTING}={stated} hashes")
    assert "openssl rand -hex 32" in said


@pytest.mark.parametrize("stated", ["keep", "contact=drop", "contact=drop,content=drop"])
def test_what_is_kept_or_dropped_needs_none(stated: str) -> None:
    with environment({SETTING: stated}):
        assert open_lake("/nowhere").protection.key == b""


def test_a_short_key_is_refused_and_not_shown() -> None:
    said = refusal({SETTING: "hash", KEY: "hush"})
    assert said.startswith(f"{KEY} is not valid: it has 4 characters and needs 32 or more. ")
    assert "hush" not in said


def test_the_key_is_never_shown() -> None:
    with environment({SETTING: "hash", KEY: SECRET}):
        protection = open_lake("/nowhere").protection
        shown = f"{protection!r} {protection} {PersonalDataSettings.load()!r}"
    assert protection.key == SECRET.encode()
    assert SECRET not in shown


@given(st.text(st.characters()))
def test_a_hash_is_stable_keyed_and_not_hashed_again(text: str) -> None:
    hashed = ONE.hashed(text)
    assert hashed == ONE.hashed(text) == ONE.hashed(hashed)
    assert (len(hashed), hashed == OTHER.hashed(text)) == ((37, False) if text else (0, True))


@given(st.sets(st.text(min_size=1), min_size=2))
def test_values_that_differ_have_hashes_that_differ(texts: set[str]) -> None:
    assert len({ONE.hashed(text) for text in texts}) == len(texts)


def test_without_a_setting_nothing_is_done() -> None:
    assert not KEEP.is_on
    assert not Protection(dict.fromkeys(PersonalData, "keep")).is_on
    assert Protection({CONTENT: "drop"}).is_on
