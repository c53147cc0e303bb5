"""Every spelling of an instant gives that instant; other texts are refused with their value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.importing.times import NoInstant, NoOffset, instant

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)).map(
    lambda local: local.replace(tzinfo=UTC, microsecond=local.microsecond // 1000 * 1000)
)


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(instants)
def test_an_instant_is_the_same_in_every_spelling(moment: datetime) -> None:
    count = milliseconds(moment)
    for spelling in (
        moment.isoformat(),
        str(moment),
        moment.isoformat(timespec="microseconds").replace("+00:00", "999Z"),
        moment.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(),
        f"{moment.year}-{moment.month}-{moment.day}T{moment.hour}:{moment:%M:%S.%f}Z",
        f"{moment:%Y%m%dT%H%M%S.%f}Z",
        f"/Date({count})/",
        f"/Date({count}-0500)/",
        {"$date": count},
        {"$date": {"$numberLong": f"{count}"}},
        {"$date": moment.isoformat()},
        count,
        f"{count}",
        count * 1_000,
        count * 1_000_000,
        count / 1_000,
    ):
        assert instant(spelling, None) == moment, spelling
    assert instant(format_datetime(moment), None) == moment.replace(microsecond=0)


@given(instants)
def test_local_clocks_show_an_instant_or_two_or_none(moment: datetime) -> None:
    local = moment.astimezone(LONDON).replace(tzinfo=None)
    with pytest.raises(NoOffset):
        instant(local.isoformat(), None)
    shown = [found for fold in (0, 1) if (found := local.replace(tzinfo=LONDON, fold=fold).astimezone(UTC))]
    if shown[0] == shown[1]:
        assert instant(local.isoformat(), LONDON) == moment
    else:
        with pytest.raises(NoInstant, match="twice"):
            instant(local.isoformat(), LONDON)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.from_regex(r"[0-9TZ:+./ -]{4,30}"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["$date", "value", "DateTime"]), inner),
    max_leaves=4,
)


@given(anything)
def test_anything_else_is_an_instant_between_2000_and_2100_or_refused(value: Any) -> None:
    try:
        found = instant(value, LONDON)
    except NoInstant:
        return
    assert 1999 < found.year < 2101
    assert (found.utcoffset(), found.microsecond % 1000) == (timedelta(0), 0)
