"""How close fetching comes to the rate limit: requests a minute against a sandbox that allows so many and no more,
and takes 50 to 500 ms for each. Traffic stays on the loopback.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from benchmarks.results import Result
from genesys_assets.cloud import details
from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.cloud.interval import Interval
from genesys_assets.cloud.regions import hosts
from genesys_assets.cloud.transport import GenesysCloud
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.server import running

FASTEST_MS, SLOWEST_MS = 50, 500
PAGE_SIZE = 10
"""Small pages: the rate is what is measured, so there should be many requests."""
WINDOW = timedelta(minutes=1)


def run(*, minutes: int, requests_per_minute: int) -> Result:
    """Fetches one past day for whole minutes; the sandbox's minutes begin with the login."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    conversations = (minutes + 1) * requests_per_minute * PAGE_SIZE
    final = ""
    answered: Counter[int] = Counter()
    with running(
        conversations_per_day=conversations, requests_per_minute=requests_per_minute, behaviour=UnevenLatency()
    ) as sandbox:
        sandbox.organisation.arrivals(day.date())
        with GenesysCloud(
            hosts(None, sandbox.url, sandbox.url),
            sandbox.client_id,
            sandbox.client_secret,
            requests_per_minute=requests_per_minute,
        ) as cloud:
            begun = datetime.now(UTC)
            try:
                for page in details.fetch(cloud, Interval(day, day + timedelta(days=1)), page_size=PAGE_SIZE):
                    minute = (page.fetched_at - begun) // WINDOW
                    if minute >= minutes:
                        break
                    answered[minute] += 1
            except GenesysCloudError as error:
                final = f"The fetch ended early: {error}"
            usage = cloud.usage.snapshot()
    reached = sum(answered.values()) / minutes
    return Result(
        name="pacing",
        sizes={"minutes": minutes, "requests_per_minute": requests_per_minute},
        rows=[{"minute": minute + 1, "answers": answered[minute]} for minute in range(minutes)],
        figures={
            "requests/min reached": round(reached, 1),
            "of what is allowed": f"{reached / requests_per_minute:.1%}",
            "answers 429": usage.rate_limited,
            "of them final": int(bool(final)),
            "latency": f"{FASTEST_MS} to {SLOWEST_MS} ms",
        },
        as_it_should=not final,
        remark=final,
    )


class UnevenLatency(Behaviour):
    """Every request takes a time of its own."""

    @property
    def latency_ms(self) -> int:
        return random.randint(FASTEST_MS, SLOWEST_MS)

    @latency_ms.setter
    def latency_ms(self, _: int) -> None:
        """The dataclass sets its default."""
