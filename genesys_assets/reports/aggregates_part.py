"""The part of a report that comes from the platform's aggregates: which question, and which of its rows are figures."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import pyarrow as pa

from genesys_assets.cloud import catalogue
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.cloud.queries import MOST_VIEWS, AggregateQuestion, Granularity, View
from genesys_assets.reports import conditions
from genesys_assets.reports.conditions import Comparison, Condition
from genesys_assets.reports.figures import Figure, GroupKey, How, dimension
from genesys_assets.reports.model import Aggregates
from genesys_assets.reports.problems import Findings, Path
from genesys_assets.reports.questions import COUNTED_ONCE, Source, standard_source
from genesys_assets.reports.statistics import STATISTICS, TIMER, statistics_of

_HOW: dict[str, How] = {"min": "min", "max": "max", "target": "same"}
_COUNTS = ("handledCount", "abandonedCount")
"""Tutorial names that mean a timer's count."""
_AVERAGE = "an average is a sum divided by a count: take both, and write a column with that formula"
_REFUSED = {
    **dict.fromkeys(("avg", "average", "mean", "value"), _AVERAGE),
    **dict.fromkeys(("p95", "p99", "median"), "percentiles of parts do not add up to those of the whole"),
    "ratio": "ratios do not add up: take numerator and denominator, and write a column with their quotient",
    "current": "a current value does not add up over time: the target of a service level is oServiceLevel.target",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """Which statistic of which metric, or of which view of it, is a figure."""

    figure: str
    metric: str
    statistic: str
    view: str = ""


@dataclass(frozen=True, slots=True)
class AggregatesPart:
    """Rows of `interval_metrics`: which, how they are grouped, and what is picked of them."""

    source: Source
    keys: tuple[GroupKey, ...]
    picks: tuple[Pick, ...]
    figures: tuple[Figure, ...]


def aggregates_part(
    stated: Aggregates, keys: Sequence[GroupKey], granularity: Granularity, path: Path, findings: Findings
) -> AggregatesPart | None:
    """What the source means; None where it cannot be computed, with the reasons among the findings."""
    before = len(findings.found)
    views = _views(stated, path, findings)
    broken = stated.views.keys() - views.keys()
    picks = [
        pick
        for name, text in stated.metrics.items()
        if (pick := _pick(name, text, views, broken, granularity, (*path, "metrics", name), findings))
    ]
    condition = _condition(stated, (*path, "filter"), findings)
    dimensions = tuple(key.dimension for key in keys if key.dimension)
    source = _source(stated, dimensions, condition, list(views.values()), picks, (*path, "filter"), findings)
    if source is None or len(findings.found) > before:
        return None
    figures = tuple(_figure(pick) for pick in picks)
    return AggregatesPart(source, tuple(keys), tuple(picks), figures)


def _source(
    stated: Aggregates,
    dimensions: tuple[str, ...],
    condition: Condition | None,
    views: list[View],
    picks: list[Pick],
    path: Path,
    findings: Findings,
) -> Source | None:
    metrics = tuple(dict.fromkeys(pick.metric for pick in picks))
    flatten = stated.flatten and not catalogue.MULTI_VALUED.isdisjoint(dimensions)
    if not views and not flatten:
        usual = standard_source(dimensions, condition, metrics)
        if usual:
            return usual
    asked = conditions.to_platform(condition, findings) if condition else None
    if not metrics or (condition and asked is None):
        return None
    return Source(
        AggregateQuestion(
            group_by=tuple(sorted(dimensions)),
            metrics=metrics,
            filter=asked,
            flatten_multivalued_dimensions=flatten,
            views=tuple(sorted(views, key=lambda view: view.name)),
        )
    )


def _views(stated: Aggregates, path: Path, findings: Findings) -> dict[str, View]:
    views = {}
    for name, view in stated.views.items():
        try:
            views[name] = View(target=view.target, name=name, gte=view.gte, lt=view.lt)
        except InvalidQuery as refused:
            findings.add((*path, "views", name), str(refused), view.target)
    if len(views) > MOST_VIEWS:
        findings.add((*path, "views"), f"a source has at most {MOST_VIEWS} views", len(views))
    return views


def _pick(
    name: str,
    text: str,
    views: dict[str, View],
    broken: Set[str],
    granularity: Granularity,
    path: Path,
    findings: Findings,
) -> Pick | None:
    subject, _, statistic = text.rpartition(".")
    if not subject or (statistic not in (*STATISTICS, *_REFUSED) and not _is_known(subject, views)):
        subject, statistic = text, ""
    allowed: tuple[str, ...] = TIMER
    if subject in broken:
        return None
    if subject in views:
        metric, view = views[subject].target, subject
    else:
        try:
            metric, view = catalogue.metric(subject), ""
        except InvalidQuery as refused:
            hint = f" Views of this source are {', '.join(views)}." if views else ""
            findings.add(path, f"{refused}{hint}", text)
            return None
        allowed = statistics_of(metric)
    statistic = statistic or _usual(subject, metric, view)
    if statistic not in allowed:
        there = f"it has {', '.join(allowed)}" if allowed else "it has only a current value, which does not add up"
        reason = _REFUSED.get(statistic, there)
        which = f"{statistic!r} is no statistic of {metric} that adds up: {reason}"
        findings.add(path, which if statistic else f"say which statistic of {metric}: {there}", text)
        return None
    if metric in COUNTED_ONCE and granularity != "PT15M":
        findings.add(
            path,
            f"{metric} counts conversations once in each 15 minutes, which do not add up to {granularity}: count them "
            "from `details`, table session_metrics or conversations, with {count_distinct: conversation_id}",
            text,
        )
        return None
    return Pick(name, metric, statistic, view)


def _is_known(subject: str, views: dict[str, View]) -> bool:
    try:
        return subject in views or bool(catalogue.metric(subject))
    except InvalidQuery:
        return False


def _usual(subject: str, metric: str, view: str) -> str:
    if view or metric.startswith("n") or subject.lower() in (alias.lower() for alias in _COUNTS):
        return "count"
    return "sum" if metric.startswith("t") else ""


def _condition(stated: Aggregates, path: Path, findings: Findings) -> Condition | None:
    if stated.filter is None:
        return None
    condition = conditions.read(stated.filter, path, findings)

    def of_platform(comparison: Comparison) -> Comparison:
        try:
            return replace(comparison, name=dimension(comparison.name))
        except InvalidQuery as refused:
            reason = str(refused)
            if _is_known(comparison.name, {}):
                reason = (
                    f"{comparison.name!r} is a metric; aggregates are filtered by dimensions: count values in a range "
                    "with `views`"
                )
            findings.add(comparison.name_path or comparison.path, reason, comparison.name)
            return comparison

    return conditions.mapped(condition, of_platform) if condition else None


def _figure(pick: Pick) -> Figure:
    type_ = pa.int64() if pick.statistic in TIMER else pa.float64()
    of = f"{pick.metric} within the view {pick.view}" if pick.view else pick.metric
    return Figure(pick.figure, _HOW.get(pick.statistic, "sum"), type_, f"{pick.statistic} of {of}")
