"""The input of a day's tables: the newest form of each conversation and, if that is not by a details job, the newest
older form by a job, which has fields that only jobs have.

`merge` chooses the forms, `explode` makes the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genesys_assets.tables.conversations.model import CONVERSATION_TYPE, SUPPLEMENT_TYPE
from genesys_assets.tables.conversations.nested import concatenated

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Supplements:
    """Older forms by job of some conversations: `rows` of `SUPPLEMENT_TYPE`, and in `of` the position of each row's
    conversation. A conversation has at most one.
    """

    rows: pa.StructArray
    of: Positions

    def __len__(self) -> int:
        return len(self.rows)


NO_SUPPLEMENTS = Supplements(pa.nulls(0, SUPPLEMENT_TYPE), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Forms:
    """The newest forms of some conversations, as `decode` returns them, and their supplements."""

    conversations: pa.StructArray
    supplements: Supplements = NO_SUPPLEMENTS

    def __len__(self) -> int:
        return len(self.conversations)


def concat_forms(parts: Sequence[Forms]) -> Forms:
    """The conversations of all parts, one part after the other. There must be at least one part."""
    first = np.cumsum([0, *map(len, parts[:-1])])
    return Forms(
        concatenated([part.conversations for part in parts], CONVERSATION_TYPE),
        Supplements(
            pa.concat_arrays([part.supplements.rows for part in parts]),
            np.concatenate([part.supplements.of + begin for part, begin in zip(parts, first, strict=True)]),
        ),
    )
