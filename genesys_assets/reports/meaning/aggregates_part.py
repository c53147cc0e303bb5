"""The part of a report that comes from the platform's aggregates: the question, and which of its rows become
figures.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import pyarrow as pa

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.analytics.queries import MOST_VIEWS, AggregateQuestion, Granularity, View
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.language import conditions
from genesys_assets.reports.language.conditions import Comparison, Condition, Value
from genesys_assets.reports.language.measures import AVERAGE
from genesys_assets.reports.language.model import Aggregates
from genesys_assets.reports.language.problems import Mistakes, Path, one_of, quoted
from genesys_assets.reports.language.statistics import STATISTICS, TIMER, statistics_of
from genesys_assets.reports.meaning.figures import Figure, GroupKey, How, dimension
from genesys_assets.reports.meaning.questions import QUALIFIER, Source, split_off, standard_source
from genesys_assets.reports.meaning.values import allowed_value, is_fixed
from genesys_assets.tables.conversations.model import snake_case

_HOW: dict[str, How] = {"min": "min", "max": "max", "target": "same"}
_COUNTS = ("handledCount", "abandonedCount")
"""Names that tutorials about the API use for a timer's count."""
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
    """The statistic of a metric, or of a view of it, that becomes a figure."""

    figure: str
    metric: str
    statistic: str
    view: str = ""


@dataclass(frozen=True, slots=True)
class AggregatesPart:
    """Which rows of a family's table are read, how they are grouped, and which statistics become figures. The dimension
    of a key is the family's name for it. If it is None, all rows have no value for that key.
    """

    source: Source
    keys: tuple[GroupKey, ...]
    picks: tuple[Pick, ...]
    figures: tuple[Figure, ...]

    def counts_once(self, pick: Pick) -> bool:
        """Whether the figure counts a thing once per bucket and group, so that it adds up over neither."""
        return pick.metric in self.source.family.counted_once


def aggregates_part(
    stated: Aggregates, keys: Sequence[GroupKey], granularity: Granularity, path: Path, mistakes: Mistakes
) -> AggregatesPart | None:
    """Compile a source. Returns None if it has mistakes, and adds these to `mistakes`."""
    before = len(mistakes.items)
    try:
        family = stated.resolve_family()
    except InvalidQuery as refused:
        mistakes.add((*path, "family"), str(refused), stated.family)
        return None
    views = _views(stated, family, path, mistakes)
    broken = stated.views.keys() - views.keys()
    parser = _MetricParser(family, views, broken, granularity, mistakes)
    picks = [
        pick for name, text in stated.metrics.items() if (pick := parser.pick(name, text, (*path, "metrics", name)))
    ]
    condition = _condition(stated, family, (*path, "filter"), mistakes)
    own_keys = _keys(stated, family, keys, (*path, "group_by"), mistakes)
    dimensions = tuple(key.dimension for key in own_keys if key.dimension)
    source = _source(stated, family, dimensions, condition, list(views.values()), picks, (*path, "filter"), mistakes)
    if source is None or len(mistakes.items) > before:
        return None
    figures = tuple(_figure(pick, family) for pick in picks)
    return AggregatesPart(source, own_keys, tuple(picks), figures)


def _keys(
    stated: Aggregates, family: AggregateFamily, keys: Sequence[GroupKey], path: Path, mistakes: Mistakes
) -> tuple[GroupKey, ...]:
    """The report's keys, each with what the family calls it."""
    renamed = {snake_case(name): other for name, other in stated.group_by.items()}
    columns = [key.column for key in keys]
    for name in stated.group_by:
        if snake_case(name) not in columns:
            mistakes.add(path, f"the report is not grouped by {quoted(name)}. {one_of(columns, name)}", name)
    own_keys = []
    for key in keys:
        wanted = renamed.get(key.column, key.dimension or key.column)
        try:
            own_keys.append(replace(key, dimension=None if wanted is None else dimension(wanted, family)))
        except InvalidQuery as refused:
            hint = f" Name the dimension for {key.column} here, or null for none, with group_by: {{{key.column}: …}}."
            mistakes.add(path, f"{refused}{'' if key.column in renamed else hint}", wanted)
    return tuple(own_keys)


def _source(
    stated: Aggregates,
    family: AggregateFamily,
    dimensions: tuple[str, ...],
    condition: Condition | None,
    views: list[View],
    picks: list[Pick],
    path: Path,
    mistakes: Mistakes,
) -> Source | None:
    metrics = tuple(dict.fromkeys(pick.metric for pick in picks))
    flatten = stated.flatten and not family.multi_valued.isdisjoint(dimensions)
    if not views and not flatten:
        usual = standard_source(family, dimensions, condition, metrics)
        if usual:
            return usual
    askable, here = split_off(family, condition, metrics)
    asked = conditions.to_platform(askable, mistakes) if askable else None
    if not metrics or (askable and asked is None):
        return None
    return Source(
        AggregateQuestion(
            group_by=tuple(sorted({*dimensions, *(each.name for each in conditions.comparisons(here))} - {QUALIFIER})),
            metrics=metrics,
            filter=asked,
            flatten_multivalued_dimensions=flatten,
            views=tuple(sorted(views, key=lambda view: view.name)),
            family=family,
        ),
        here,
    )


def _views(stated: Aggregates, family: AggregateFamily, path: Path, mistakes: Mistakes) -> dict[str, View]:
    views = {}
    for name, view in stated.views.items():
        try:
            views[name] = View(target=view.target, name=name, gte=view.gte, lt=view.lt, family=family)
        except InvalidQuery as refused:
            mistakes.add((*path, "views", name), str(refused), view.target)
    if len(views) > MOST_VIEWS:
        message = f"a source must have at most {MOST_VIEWS} views, got {len(views)}. Make two sources"
        mistakes.add((*path, "views"), message)
    return views


@dataclass(frozen=True, slots=True)
class _MetricParser:
    """Parses the entries of `metrics`; `broken` are the names of views that have mistakes of their own."""

    family: AggregateFamily
    views: dict[str, View]
    broken: Set[str]
    granularity: Granularity
    mistakes: Mistakes

    def pick(self, name: str, text: str, path: Path) -> Pick | None:
        subject, _, statistic = text.rpartition(".")
        if not subject or (statistic not in (*STATISTICS, *_REFUSED) and not self._is_known(subject)):
            subject, statistic = text, ""
        allowed: tuple[str, ...] = TIMER
        if subject in self.broken:
            return None
        if subject in self.views:
            metric, view = self.views[subject].target, subject
        else:
            try:
                metric, view = self.family.metric(subject), ""
            except InvalidQuery as refused:
                hint = f" Views of this source are {', '.join(self.views)}." if self.views else ""
                self.mistakes.add(path, f"{refused}{hint}", text)
                return None
            allowed = statistics_of(metric)
        statistic = statistic or _usual(subject, metric, view)
        if statistic not in allowed:
            known = f"it has {', '.join(allowed)}" if allowed else "it has only a current value, which does not add up"
            message = f"{quoted(statistic)} is no statistic of {metric} that adds up: {_REFUSED.get(statistic, known)}"
            example = f". Write {metric}.{allowed[0]}" if allowed else ""
            self.mistakes.add(path, message if statistic else f"{metric} needs a statistic: {known}{example}", text)
            return None
        if metric in self.family.counted_once and self.granularity != "PT15M":
            self.mistakes.add(path, self._counted_once(metric), text)
            return None
        return Pick(name, metric, statistic, view)

    def _is_known(self, subject: str) -> bool:
        return subject in self.views or _is_metric(subject, self.family)

    def _counted_once(self, metric: str) -> str:
        if self.family is not CONVERSATIONS:
            return (
                f"{metric} counts a thing once in each 15 minutes, which do not add up to {self.granularity}. Take it "
                "with granularity PT15M"
            )
        return (
            f"{metric} counts conversations once in each 15 minutes, which do not add up to {self.granularity}. Count "
            "them from `details`, table session_metrics or conversations, with {count_distinct: conversation_id}"
        )


def _is_metric(name: str, family: AggregateFamily) -> bool:
    try:
        return bool(family.metric(name))
    except InvalidQuery:
        return False


def _usual(subject: str, metric: str, view: str) -> str:
    if view or metric.startswith("n") or subject.lower() in (alias.lower() for alias in _COUNTS):
        return "count"
    return "sum" if metric.startswith("t") else ""


def _condition(stated: Aggregates, family: AggregateFamily, path: Path, mistakes: Mistakes) -> Condition | None:
    if stated.filter is None:
        return None

    def of_platform(comparison: Comparison) -> Comparison:
        if family.has_qualifier and comparison.name == QUALIFIER:
            if comparison.operator == "range":
                message = f"{QUALIFIER} is no number, so it cannot have a range. Compare it with values (in)"
                mistakes.add(comparison.path, message, comparison.name)
            kept = tuple(_value(QUALIFIER, value, comparison, mistakes) for value in comparison.values)
            return replace(comparison, values=tuple(dict.fromkeys(kept)))
        try:
            name = dimension(comparison.name, family)
        except InvalidQuery as refused:
            reason = str(refused)
            if _is_metric(comparison.name, family):
                reason = (
                    f"{quoted(comparison.name)} is a metric, and aggregates are filtered by dimensions. Count values "
                    "in a range with `views`"
                )
            mistakes.add(comparison.name_path or comparison.path, reason, comparison.name)
            return comparison
        if comparison.operator == "range" and is_fixed(snake_case(name)):
            message = f"{name} is no number, so it cannot have a range. Compare it with values (in)"
            mistakes.add(comparison.path, message, comparison.name)
        values = tuple(_value(name, value, comparison, mistakes) for value in comparison.values)
        return replace(comparison, name=name, values=tuple(dict.fromkeys(values)))

    return conditions.read_resolved(stated.filter, path, mistakes, of_platform)


def _value(name: str, value: Value, comparison: Comparison, mistakes: Mistakes) -> Value:
    """The value as the platform writes it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if comparison.operator in conditions.TEXT_OPERATORS:
        return text
    try:
        return allowed_value(snake_case(name), text)
    except InvalidQuery as refused:
        mistakes.add(comparison.path, str(refused), value)
        return text


def _figure(pick: Pick, family: AggregateFamily) -> Figure:
    of = f"{pick.metric} within the view {pick.view}" if pick.view else pick.metric
    power = int(pick.metric.startswith("t") and pick.statistic in ("sum", "min", "max"))
    how = _HOW.get(pick.statistic, "sum")
    return Figure(pick.figure, how, _type(pick, family), f"{pick.statistic} of {of}", power=power)


def _type(pick: Pick, family: AggregateFamily) -> pa.DataType:
    """Counts and times are whole; scores of other families may have fractions."""
    if pick.statistic not in TIMER:
        return pa.float64()
    is_score = family is not CONVERSATIONS and pick.statistic != "count" and not pick.metric.startswith("t")
    return pa.float64() if is_score else pa.int64()
