"""The statistics of each kind of metric that may be combined over time and over groups."""

from __future__ import annotations

COUNTER = ("count",)
TIMER = ("count", "sum", "min", "max")
SERVICE_LEVEL = ("numerator", "denominator", "target")
STATISTICS = (*TIMER, *SERVICE_LEVEL)


def statistics_of(metric: str) -> tuple[str, ...]:
    """The statistics that a metric of the platform has; none if it has only a current value.

    >>> statistics_of("nOffered"), statistics_of("tHandle"), statistics_of("oServiceTarget")
    (('count',), ('count', 'sum', 'min', 'max'), ())
    """
    if metric.endswith("ServiceLevel"):
        return SERVICE_LEVEL
    if metric == "oServiceTarget":
        return ()
    return COUNTER if metric.startswith("n") else TIMER
