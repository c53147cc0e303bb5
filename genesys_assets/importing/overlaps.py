"""Leaves out imported figures whose buckets overlap others of the same group and metric, such as half hours beside the
hour that contains them.

Only one of two such buckets can count, and neither holds all that the other one has. So the one that was imported first
stays, and the later one is left out, with the name of the first file. A bucket of the very same time replaces the
earlier one: that is no overlap. Neither is a bucket that went on when its answer was saved (`pages.is_cut`) beside the
whole bucket: the whole one counts, whichever comes first.

Buckets of one partition are compared: those of all files of the import, and those that earlier imports stored.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.imported_page import file_of, identity, is_cut
from genesys_assets.importing.remarks import printable
from genesys_assets.importing.spelling import Object
from genesys_assets.importing.spool import Partition, Span, Spool, moment
from genesys_assets.spans import milliseconds

_INTERVAL = re.compile(rb'"interval"\s*:\s*"([^"\\]+)"')
"""The time of a bucket in the body of an imported page. Inside a text, JSON writes double quotes with a backslash, so
this matches no part of a text.
"""


@dataclass(slots=True)
class Overlapped:
    """What was left out, by file (sha256): the remarks with the counts of figures, the same for figures that a whole
    bucket replaces, and the number of buckets that lost all their figures.
    """

    remarks: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    replaced: Counter[str] = field(default_factory=Counter)
    buckets: Counter[str] = field(default_factory=Counter)


def spans_of(page: Page) -> set[Span]:
    """The times of the buckets of an imported page."""
    return {_span(text.decode()) for text in {*_INTERVAL.findall(page.body)}}


def leave_out_overlapping(
    spool: Spool,
    place: Partition,
    stored_spans: Collection[Span],
    stored: Iterable[Page],
    name_of: Callable[[str], str],
) -> Overlapped:
    """Take figures out of the spool's pages of a partition whose buckets overlap those of an earlier page.

    `stored` are the stored pages that stay, which are read only if some of `stored_spans`, their times, overlap others;
    `name_of` gives a file's name.
    """
    found = Overlapped()
    overlapping = _overlapping({*stored_spans, *spool.spans(place)})
    if not overlapping:
        return found
    spool.forget_taken()
    examples: dict[tuple[str, str], str] = {}
    for page in stored:
        for series, text, _ in _figures(page, overlapping):
            spool.take(series, _span(text), file_of(page.request), is_cut=is_cut(page.request))
    for file, number, page in spool.numbered_pages(place):
        left_out: set[tuple[bytes, str]] = set()
        for series, text, figure in _figures(page, overlapping):
            begin, end = _span(text)
            other = spool.taken_beside(series, (begin, end))
            if other is None:
                spool.take(series, (begin, end), file, is_cut=is_cut(page.request))
                continue
            left_out.add((series, text))
            first, span = other
            if is_cut(page.request) and span[0] == begin and span[1] > end:
                found.replaced[file] += 1
                continue
            if (file, first) not in examples:
                examples[file, first] = _remark(figure, text, span, None if first == file else name_of(first))
            found.remarks[file][examples[file, first]] += 1
        if left_out:
            found.buckets[file] += _without(spool, place[0], number, page, left_out)
    return found


def _overlapping(spans: Collection[Span]) -> set[Span]:
    """Those of some different spans that overlap another one."""
    found: set[Span] = set()
    open_: list[Span] = []
    for span in sorted(spans):
        open_ = [each for each in open_ if each[1] > span[0]]
        if open_:
            found.update(open_, [span])
        open_.append(span)
    return found


def _figures(page: Page, overlapping: Collection[Span]) -> Iterator[tuple[bytes, str, Object]]:
    """The figures of a page in some buckets: a digest of their series, the time of the bucket, and the figure."""
    group_by = _group_by(page)
    for result in page.json()["results"]:
        for bucket in result["data"]:
            if _span(bucket["interval"]) in overlapping:
                for figure in bucket["metrics"]:
                    yield _series(group_by, result["group"], figure), bucket["interval"], figure


def _group_by(page: Page) -> list[str]:
    return list(json.loads(page.request).get("body", {}).get("groupBy") or ())


def _series(group_by: list[str], group: Object, figure: Object) -> bytes:
    key = json.dumps([group_by, group, figure["metric"], figure.get("qualifier")], sort_keys=True)
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _without(spool: Spool, asset: str, number: int, page: Page, left_out: Collection[tuple[bytes, str]]) -> int:
    """Take some figures out of a page of the spool. Returns how many buckets have none any more."""
    group_by, results, empty = _group_by(page), list[Object](), 0
    for result in page.json()["results"]:
        data: list[Any] = []
        for bucket in result["data"]:
            kept = [
                each
                for each in bucket["metrics"]
                if (_series(group_by, result["group"], each), bucket["interval"]) not in left_out
            ]
            if kept:
                data.append(bucket | {"metrics": kept})
            elif bucket["metrics"]:
                empty += 1
                spool.forget_bucket(group_by, asset, result["group"], bucket["interval"])
        if data:
            results.append(result | {"data": data})
    if results:
        body = json.dumps({"results": results}, separators=(",", ":"), allow_nan=False).encode()
        spool.replace_page(number, body, identity(replace(page, body=body)))
    else:
        spool.replace_page(number, None, None)
    return empty


def _remark(figure: Object, text: str, other: Span, name: str | None) -> str:
    first = f"in {name}, which came first" if name else "in an earlier answer of this file"
    do = "Take back the file that is wrong, and import the other again" if name else "Save only one of the two answers"
    return (
        f"figure left out: its bucket overlaps another one of the same group and metric {first}, as "
        f"{printable(figure['metric'], 60)} of {text} and of {_interval(other)}. {do}"
    )


def _interval(span: Span) -> Interval:
    return Interval(*map(moment, span))


@lru_cache(maxsize=1 << 12)
def _span(text: str) -> Span:
    """A span in milliseconds of the interval of a bucket, which an import wrote."""
    interval = Interval.parse(text)
    return milliseconds(interval.start), milliseconds(interval.end)
