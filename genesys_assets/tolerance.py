"""How far two figures may lie apart before they count as different. What is compared is in `tables.reconcile`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may lie apart: an absolute number and a share of the expected figure; the larger one counts.

    Written `2, 1500ms, 0.1%`: two in a count, 1500 ms in a time, a thousandth of either. Each may be left out.
    """

    count: int = 0
    milliseconds: int = 0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, saying how a tolerance is written."""
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|%|)", part)
            if match is None or (match[2] != "%" and "." in match[1]) or match[2] in given:
                raise ValueError("a tolerance is written like 0, or 2, 1500ms, 0.1% in any combination")
            given[match[2]] = float(match[1])
        return cls(int(given.get("", 0)), int(given.get("ms", 0)), given.get("%", 0.0) / 100)

    def __str__(self) -> str:
        parts = [f"{self.count}"] if self.count else []
        parts += [f"{self.milliseconds}ms"] if self.milliseconds else []
        parts += [f"{100 * self.share:.12g}%"] if self.share else []
        return ", ".join(parts) or "0"

    def admits(self, expected: int, found: int) -> bool:
        """Whether two counts lie close enough together."""
        return abs(expected - found) <= max(self.count, self.share * abs(expected))

    def exceeded(self, expected: pa.ChunkedArray, found: pa.ChunkedArray, statistic: str) -> pa.ChunkedArray:
        """Whether the figures lie too far apart. Where one of them is null they cannot be compared, and do not."""
        import pyarrow as pa
        import pyarrow.compute as pc

        absolute = self.count if statistic == "count" else self.milliseconds
        allowed = pc.max_element_wise(
            pc.multiply(pc.abs(expected).cast(pa.float64()), self.share), pa.scalar(float(absolute))
        )
        return pc.greater(pc.abs(pc.subtract(expected, found)).cast(pa.float64()), allowed).fill_null(False)
