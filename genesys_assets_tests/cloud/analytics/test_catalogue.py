"""Names of metrics and dimensions, and the aliases that people write."""

from __future__ import annotations

import pytest

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.catalogue import DIMENSIONS, METRICS, dimension, metric
from genesys_assets.cloud.errors import InvalidQuery


def test_the_catalogue_is_complete() -> None:
    assert len(set(METRICS)) == len(METRICS) == 82
    assert len(set(DIMENSIONS)) == len(DIMENSIONS) == 84
    assert set(catalogue.DEFAULT_METRICS) <= set(METRICS)
    assert len(catalogue.DEFAULT_METRICS) == 32


def test_every_alias_leads_to_a_name_of_the_catalogue() -> None:
    assert set(catalogue.METRIC_ALIASES.values()) <= set(METRICS)
    assert set(catalogue.DIMENSION_ALIASES.values()) <= set(DIMENSIONS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tHandle", "tHandle"),
        ("thandle", "tHandle"),
        (" THANDLE ", "tHandle"),
        ("handleTime", "tHandle"),
        ("totalHandleTime", "tHandle"),
        ("talktime", "tTalkComplete"),
        ("agent.hold.seconds", "tHeldComplete"),
        ("wrapTime", "tAcw"),
        ("waitTime", "tWait"),
        ("conversationCount", "nConversations"),
    ],
)
def test_a_metric_is_known_by_its_name_in_any_case_and_by_its_aliases(written: str, meant: str) -> None:
    assert metric(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("queueid", "queueId"),
        ("queue", "queueId"),
        ("routing.queue.id", "queueId"),
        ("user", "userId"),
        ("conversation.media.type", "mediaType"),
        ("conversationType", "mediaType"),
        ("wrapup.code", "wrapUpCode"),
    ],
)
def test_a_dimension_is_known_likewise(written: str, meant: str) -> None:
    assert dimension(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("smallTalk", "measures nothing like it"),
        ("averageHandleTime", "divide its sum by its count"),
        ("AVERAGEHANDLETIME", "divide its sum by its count"),
        ("count", "every metric has one"),
        ("totalInteractions", "nOffered and nOutbound"),
        ("duration", "conversationStart"),
    ],
)
def test_a_metric_without_equivalent_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(InvalidQuery, match=f"{written}.*{reason}"):
        metric(written)


@pytest.mark.parametrize(
    ("written", "reason"),
    [("user.name", "group by userId"), ("date", "P1D"), ("interaction.startTime", "granularity")],
)
def test_a_dimension_without_equivalent_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(InvalidQuery, match=reason):
        dimension(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("tHandel", "tHandle"), ("tTalkComplet", "tTalkComplete"), ("nOfferred", "nOffered")],
)
def test_an_unknown_metric_is_refused_with_the_closest_names(written: str, meant: str) -> None:
    with pytest.raises(InvalidQuery, match=f"{written}.*Closest: {meant}"):
        metric(written)


def test_an_unknown_dimension_is_refused_with_the_closest_names() -> None:
    with pytest.raises(InvalidQuery, match="Closest: queueId"):
        dimension("quueId")


def test_a_name_like_no_other_is_refused_with_all_names() -> None:
    with pytest.raises(InvalidQuery, match=r"Known are .*tHandle"):
        metric("§§§")
