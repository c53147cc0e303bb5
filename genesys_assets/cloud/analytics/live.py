"""The present: conversations in queues, and figures of the queues.

These answers carry no time, and the platform keeps no history of them: the time of the answer is that of the content.
`tables.snapshots` says what a row is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.filters import any_of
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import PageNumbers, in_parts, limit_total_size, list_in
from genesys_assets.cloud.http.transport import GenesysCloud

ACTIVITY_PATH = "/api/v2/analytics/conversations/activity/query"
OBSERVATIONS_PATH = "/api/v2/analytics/queues/observations/query"

ACTIVITY_METRICS = ("oWaiting", "oInteracting", "oAlerting")
OBSERVATION_METRICS = (
    "oInteracting",
    "oWaiting",
    "oAlerting",
    "oOnQueueUsers",
    "oOffQueueUsers",
    "oActiveUsers",
    "oMemberUsers",
    "oUserRoutingStatuses",
)
"""The metrics of both queries that count what is going on. Source: the SDK's ConversationActivityMetric and
QueueObservationQuery.
"""
PAGE_SIZE = 100
# Queues of one query. The platform documents no maximum; Splunk's add-on for Genesys Cloud asks for as many:
# https://github.com/splunk/genesys_cloud_ta.
QUEUES_PER_REQUEST = 200


def conversation_activity(cloud: GenesysCloud, *, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """Conversations that are waiting, alerting or interacting, by queue and media type, with their sessions as
    entities, in `results`.

    From `POST /api/v2/analytics/conversations/activity/query`, which has only conversations in queues. Raises a
    GenesysCloudError.
    """
    body = {
        "metrics": [{"metric": metric, "details": True} for metric in ACTIVITY_METRICS],
        "groupBy": ["queueId", "mediaType"],
    }

    def ask(number: int, size: int) -> Page:
        return cloud.post(ACTIVITY_PATH, body, {"pageSize": size, "pageNumber": number})

    return limit_total_size(PageNumbers("results", page_size).pages(ask), ACTIVITY_PATH)


def queue_observations(cloud: GenesysCloud, queue_ids: Iterable[str]) -> Iterator[Page]:
    """Figures of each queue, in total and by media type, in `results`: one page for 200 queues, or several if it would
    be too large. Without queues there is no page.

    From `POST /api/v2/analytics/queues/observations/query`. Raises a GenesysCloudError.
    """
    ids = list(dict.fromkeys(queue_ids))
    batches = (ids[first : first + QUEUES_PER_REQUEST] for first in range(0, len(ids), QUEUES_PER_REQUEST))
    pages = chain.from_iterable(cloud.map_in_order(partial(in_parts, partial(_observe, cloud)), batches))
    numbered = (replace(page, number=number) for number, page in enumerate(pages, start=1))
    return limit_total_size(numbered, OBSERVATIONS_PATH)


def _observe(cloud: GenesysCloud, queue_ids: Sequence[str]) -> Page:
    body: dict[str, Any] = {
        "filter": any_of("queueId", list(queue_ids)).body(catalogue.dimension, catalogue.metric),
        "metrics": list(OBSERVATION_METRICS),
    }
    page = cloud.post(OBSERVATIONS_PATH, body)
    list_in(page, "results")
    return page
