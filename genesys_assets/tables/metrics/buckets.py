"""Answers of the aggregates query to one table of buckets: interval x group x metric.

Source: `POST /api/v2/analytics/<family>/aggregates/query`; conversations have `INTERVAL_METRICS` and `DAILY_METRICS`,
every other family one of `FAMILY_METRICS`. A metric is counted in the bucket in which the platform emitted it, not in
that of the conversation's start. `decode_arrow` decodes answers; one that it refuses is decoded by `decode_values`.
Nothing is summed here; `genesys_assets.reports` does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics import decode_arrow as metrics_arrow
from genesys_assets.tables.metrics import decode_values as metrics_values
from genesys_assets.tables.metrics.question import StoredQuestion
from genesys_assets.tables.sources import SOURCE
from genesys_assets.tables.spec import Column, TableSpec, columns
from genesys_assets.threads import map_in_order

_BOUNDS = columns("""
interval_start instant start of the bucket, inclusive
interval_end instant end of the bucket, exclusive
""")
_LOCAL_DATE = columns("local_date day date of the business day, in the time zone of the query")
_GROUP = columns("""
grouping string dimensions the query grouped by, sorted, joined by commas
selection string identifies the query's filter, views and flattening: a hash; empty without these
is_additive boolean whether groups may be summed; false if a session with several values counts in several groups
group_key string group and qualifier as JSON with sorted keys; a dimension without a value is absent
""")
_METRIC = columns("""
metric string the metric
qualifier string the metric's qualifier
view string name of the view whose figure this is; empty where it is the metric's own
count integer how often it was emitted
""")
_WHOLE_SUMS = columns("""
sum integer total; milliseconds for t metrics
min integer smallest value
max integer largest value
""")
_ANY_SUMS = columns("""
sum number total; milliseconds for t metrics
min number smallest value
max number largest value
""")
_SYSTEM_PRESENCE = columns("""
system_presence string the qualifier of tSystemPresence; for tOrganizationPresence, the system presence of its qualifier
""")
_QUOTIENTS = columns("""
current number current value of observations such as oServiceTarget
ratio number ratio of this bucket; never average it
numerator number numerator of the ratio
denominator number denominator of the ratio
target number service level target
""")
_GROUP_AND_FIGURES = (
    *_GROUP,
    *(Column(snake_case(name), pa.string(), f"{name} of the group") for name in CONVERSATIONS.columns),
    *_METRIC,
    *_WHOLE_SUMS,
    *_QUOTIENTS,
    *SOURCE,
)
_KEY = ("interval_start", "grouping", "selection", "group_key", "metric", "view")

QUEUE_GROUPING = "mediaType,queueId"
USER_GROUPING = "mediaType,userId"
"""Values of the column `grouping` for the default queries."""

INTERVAL_METRICS = TableSpec(
    "interval_metrics",
    "One row per 15-minute bucket, group and metric with data; a bucket, group or metric without data has no row. "
    "Imported buckets may be longer, up to an hour.",
    _KEY,
    _BOUNDS + _GROUP_AND_FIGURES,
    partition_column="interval_start",
    version=2,
)
DAILY_METRICS = TableSpec(
    "daily_metrics",
    "One row per business day, group and metric with data.",
    _KEY,
    _BOUNDS + _LOCAL_DATE + _GROUP_AND_FIGURES,
    partition_column="local_date",
    version=2,
)


def _of_family(family: AggregateFamily) -> TableSpec:
    """The table of the buckets of a family: shaped like `INTERVAL_METRICS`, with the family's own dimensions."""
    family_columns = [Column(snake_case(name), pa.string(), f"{name} of the group") for name in family.columns]
    if family.has_qualifier:
        family_columns += _SYSTEM_PRESENCE
    return TableSpec(
        family.table,
        f"One row per 15-minute bucket, group and metric of the family {family.name} with data; a bucket, group or "
        "metric without data has no row."
        + (" The platform calls the family a preview: it may change at any time." if family.is_preview else ""),
        _KEY,
        (*_BOUNDS, *_GROUP, *family_columns, *_METRIC, *_ANY_SUMS, *_QUOTIENTS, *SOURCE),
        partition_column="interval_start",
    )


FAMILY_METRICS = {name: _of_family(family) for name, family in FAMILIES.items() if family is not CONVERSATIONS}
"""The tables of the other families, by family."""


def table_of(family: AggregateFamily) -> TableSpec:
    """The table of a family's 15-minute buckets."""
    return FAMILY_METRICS.get(family.name, INTERVAL_METRICS)


_THREADS = 2
"""More than one pays off, because Arrow reads answers without Python's global lock."""


@dataclass(slots=True)
class MetricRows:
    """Rows of a table of buckets. `unknown` counts fields of the answers that are not known, by path."""

    table: pa.Table
    unknown: Counter[str] = field(default_factory=Counter)


def metric_rows(spec: TableSpec, answers: Iterable[tuple[str, bytes]]) -> MetricRows:
    """The rows of aggregates pages, given as (request, body), in the order of the key. All pages must be of the table's
    family.

    Raises UnreadablePage if a body is not an answer of an aggregates query.
    """
    unknown: Counter[str] = Counter()
    reader, parts = metrics_arrow.MetricsReader(), [spec.empty()]

    def read(answer: tuple[str, bytes]) -> metrics_arrow.MetricColumns:
        question, body = StoredQuestion.parse(answer[0]), answer[1]
        try:
            return reader.read(question, body, spec.schema)
        except (pa.ArrowException, UnicodeError):
            return metrics_values.read(question, body, spec.schema)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="metrics") as executor:
        for decoded in map_in_order(executor, read, answers, ahead=2 * _THREADS):
            parts.append(decoded.table)
            unknown.update(decoded.unknown)
    return MetricRows(_in_key_order(pa.concat_tables(parts), spec), unknown)


def _in_key_order(rows: pa.Table, spec: TableSpec) -> pa.Table:
    """The rows in the order of the key. Each distinct text is compared once, instead of the text of each row."""
    ranks = [_ranks(rows[name].combine_chunks()) for name in spec.key]
    return rows.take(pa.array(np.lexsort(ranks[::-1]))) if len(rows) else rows


def _ranks(values: pa.Array) -> npt.NDArray[np.int64]:
    if not pa.types.is_string(values.type):
        return np.asarray(values.cast(pa.int64()).to_numpy())
    coded = values.dictionary_encode()
    rank = pc.rank(coded.dictionary, tiebreaker="dense").to_numpy()
    return np.asarray(rank[coded.indices.to_numpy()], dtype=np.int64)
