"""The part of a report that comes from the platform's aggregates: which question, and which of its rows are figures."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import pyarrow as pa

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.queries import MOST_VIEWS, AggregateQuestion, Granularity, View
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.language import conditions
from genesys_assets.reports.language.conditions import Comparison, Condition, Value
from genesys_assets.reports.language.measures import AVERAGE
from genesys_assets.reports.language.model import Aggregates
from genesys_assets.reports.language.problems import Findings, Path, quoted
from genesys_assets.reports.meaning.figures import Figure, GroupKey, How, dimension
from genesys_assets.reports.meaning.questions import COUNTED_ONCE, Source, split_off, standard_source
from genesys_assets.reports.meaning.statistics import STATISTICS, TIMER, statistics_of
from genesys_assets.reports.meaning.values import allowed_value, is_fixed
from genesys_assets.tables.conversations.model import snake_case

_HOW: dict[str, How] = {"min": "min", "max": "max", "target": "same"}
_COUNTS = ("handledCount", "abandonedCount")
"""Tutorial names that mean a timer's count."""
_REFUSED = {
    **dict.fromkeys(("avg", "average", "mean", "value"), AVERAGE[0].lower() + AVERAGE[1:-1]),
    **dict.fromkeys(
        ("p95", "p99", "median"),
        "percentiles of parts do not add up to those of the whole. "
        "Count from `details`, with {percentile: value, at: 95}",
    ),
    "ratio": "ratios do not add up. Take numerator and denominator, and write a column with their quotient",
    "current": "a current value does not add up over time. The target of a service level is oServiceLevel.target",
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
    askable, here = split_off(condition, metrics)
    asked = conditions.to_platform(askable, findings) if askable else None
    if not metrics or (askable and asked is None):
        return None
    return Source(
        AggregateQuestion(
            group_by=tuple(sorted({*dimensions, *(each.name for each in conditions.comparisons(here))})),
            metrics=metrics,
            filter=asked,
            flatten_multivalued_dimensions=flatten,
            views=tuple(sorted(views, key=lambda view: view.name)),
        ),
        here,
    )


def _views(stated: Aggregates, path: Path, findings: Findings) -> dict[str, View]:
    views = {}
    for name, view in stated.views.items():
        try:
            views[name] = View(target=view.target, name=name, gte=view.gte, lt=view.lt)
        except InvalidQuery as refused:
            findings.add((*path, "views", name), str(refused), view.target)
    if len(views) > MOST_VIEWS:
        message = f"a source must have at most {MOST_VIEWS} views, got {len(views)}. Make two sources"
        findings.add((*path, "views"), message)
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
        which = f"{quoted(statistic)} is no statistic of {metric} that adds up: {_REFUSED.get(statistic, there)}"
        example = f". Write {metric}.{allowed[0]}" if allowed else ""
        findings.add(path, which if statistic else f"{metric} needs a statistic: {there}{example}", text)
        return None
    if metric in COUNTED_ONCE and granularity != "PT15M":
        findings.add(
            path,
            f"{metric} counts conversations once in each 15 minutes, which do not add up to {granularity}. Count them "
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
            name = dimension(comparison.name)
        except InvalidQuery as refused:
            reason = str(refused)
            if _is_known(comparison.name, {}):
                reason = (
                    f"{quoted(comparison.name)} is a metric, and aggregates are filtered by dimensions. Count values "
                    "in a range with `views`"
                )
            findings.add(comparison.name_path or comparison.path, reason, comparison.name)
            return comparison
        if comparison.operator == "range" and is_fixed(snake_case(name)):
            message = f"{name} is no number, so it lies in no range. Compare it with values (in)"
            findings.add(comparison.path, message, comparison.name)
        values = tuple(_value(name, value, comparison, findings) for value in comparison.values)
        return replace(comparison, name=name, values=tuple(dict.fromkeys(values)))

    return conditions.mapped(condition, of_platform) if condition else None


def _value(name: str, value: Value, comparison: Comparison, findings: Findings) -> Value:
    """The value as the platform writes it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if comparison.operator in conditions.TEXT_OPERATORS:
        return text
    try:
        return allowed_value(snake_case(name), text)
    except InvalidQuery as refused:
        findings.add(comparison.path, str(refused), value)
        return text


def _figure(pick: Pick) -> Figure:
    type_ = pa.int64() if pick.statistic in TIMER else pa.float64()
    of = f"{pick.metric} within the view {pick.view}" if pick.view else pick.metric
    power = int(pick.metric.startswith("t") and pick.statistic in ("sum", "min", "max"))
    return Figure(pick.figure, _HOW.get(pick.statistic, "sum"), type_, f"{pick.statistic} of {of}", power=power)
