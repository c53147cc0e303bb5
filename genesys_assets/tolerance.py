"""How far two figures may differ before a check reports them. `tables.reconcile` decides what is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may differ: an absolute number and a share of the expected figure; the larger one counts.

    Written `2, 1500ms, 0.1%`: two in a count, 1500 ms in a time, a thousandth of either. Each may be left out.
    """

    count: int = 0
    milliseconds: int = 0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The tolerance that a text such as `2, 1500ms, 0.1%` describes. Raises ValueError."""
        parts: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|%|)", part)
            if match is None or (match[2] != "%" and "." in match[1]) or match[2] in parts:
                raise ValueError(
                    "a tolerance is 0, or any combination of a count (2), a time (1500ms) and a share (0.1%), "
                    "separated by commas"
                )
            parts[match[2]] = float(match[1])
        return cls(int(parts.get("", 0)), int(parts.get("ms", 0)), parts.get("%", 0.0) / 100)

    def __str__(self) -> str:
        parts = [f"{self.count}"] if self.count else []
        parts += [f"{self.milliseconds}ms"] if self.milliseconds else []
        parts += [f"{100 * self.share:.12g}%"] if self.share else []
        return ", ".join(parts) or "0"

    def admits(self, expected: int, actual: int) -> bool:
        """Whether two counts are close enough."""
        return abs(expected - actual) <= max(self.count, self.share * abs(expected))

    def exceeded(self, expected: pa.ChunkedArray, actual: pa.ChunkedArray, statistic: str) -> pa.ChunkedArray:
        """For each pair whether the figures differ too much; False where one of them is null. `statistic` is count,
        sum, min or max: all but a count are milliseconds.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        absolute = self.count if statistic == "count" else self.milliseconds
        allowed = pc.max_element_wise(
            pc.multiply(pc.abs(expected).cast(pa.float64()), self.share), pa.scalar(float(absolute))
        )
        return pc.greater(pc.abs(pc.subtract(expected, actual)).cast(pa.float64()), allowed).fill_null(False)
