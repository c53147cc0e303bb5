"""Statistics of metrics that add up: over time, and over groups."""

from __future__ import annotations

COUNTER = ("count",)
TIMER = ("count", "sum", "min", "max")
SERVICE_LEVEL = ("numerator", "denominator", "target")
STATISTICS = (*TIMER, *SERVICE_LEVEL)


def statistics_of(metric: str) -> tuple[str, ...]:
    """Those that a metric of the platform has; none where it has only a current value."""
    if metric.endswith("ServiceLevel"):
        return SERVICE_LEVEL
    if metric == "oServiceTarget":
        return ()
    return COUNTER if metric.startswith("n") else TIMER
