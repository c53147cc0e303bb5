"""The calls of the client that are tried against bad answers, each by the function that assets use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from genesys_assets.cloud import api_usage, observations, reference
from genesys_assets.cloud.analytics import details, details_paging, live, user_details
from genesys_assets.cloud.analytics.aggregate_windows import WindowedQuestion
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuery, DetailsJobQuery
from genesys_assets.cloud.extraction import listing
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import endpoints as job_endpoints
from genesys_assets.cloud.preflight import preflight

THINGS = "/api/v2/things"
QUEUES = reference.LISTINGS["queues"].path
JOB = f"{job_endpoints.PATH}/job-1"
RESULTS = f"{JOB}/results"
USAGE = api_usage.QUERIES.format(client="the-client")
DAY = Interval(datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))
HOURS = tuple(Interval(DAY.start + timedelta(hours=at), DAY.start + timedelta(hours=at + 1)) for at in range(2))


def _aggregated(cloud: GenesysCloud) -> object:
    def over(interval: Interval) -> AggregateQuery:
        return AggregateQuery(interval=interval, granularity="PT1H", metrics=("nOffered",))

    return list(WindowedQuestion(cloud, over).pages(HOURS))


QUESTIONS: Mapping[str, tuple[str, Callable[[GenesysCloud], object]]] = {
    "get": (THINGS, lambda cloud: cloud.get(THINGS)),
    "login": ("/oauth/token", lambda cloud: cloud.get(THINGS)),
    "listing": (QUEUES, lambda cloud: list(reference.fetch(cloud, "queues", 4))),
    "preflight": (QUEUES, preflight),
    "activity": (live.ACTIVITY_PATH, lambda cloud: list(live.conversation_activity(cloud, page_size=2))),
    "observations": (live.OBSERVATIONS_PATH, lambda cloud: list(live.queue_observations(cloud, ["a", "b"]))),
    "availability": (f"{job_endpoints.PATH}/availability", job_endpoints.availability),
    "submission": (
        job_endpoints.PATH,
        lambda cloud: job_endpoints.submit(cloud, DetailsJobQuery(interval=DAY, start_of_day_interval_matching=True)),
    ),
    "status": (JOB, lambda cloud: job_endpoints.status(cloud, "job-1")),
    "results": (RESULTS, lambda cloud: list(job_endpoints.results(cloud, "job-1", page_size=4))),
    "details": (details_paging.PATH, lambda cloud: list(details.fetch(cloud, DAY, page_size=4))),
    "newest": (details_paging.PATH, lambda cloud: details.newest_start(cloud, DAY)),
    "aggregates": (CONVERSATIONS.path, _aggregated),
    "user details": (user_details.PATH, lambda cloud: list(user_details.fetch(cloud, DAY, page_size=4))),
    "members": (QUEUES, lambda cloud: list(observations.queue_members(cloud))),
    "skills": (observations.SKILLS.path, lambda cloud: list(observations.user_skills(cloud))),
    "usage": (USAGE, lambda cloud: list(api_usage.fetch(cloud, "2026-01-30"))),
    "count": (f"{USAGE}/query-1", lambda cloud: list(api_usage.fetch(cloud, "2026-01-30"))),
    "lake files": (listing.PATH, lambda cloud: listing.list_files(cloud, DAY, page_size=4)),
}
"""By name: the path whose answers are bad, and the question."""
