"""Figures of conversations per bucket and group: one question, one answer, no pages.

The question is built in `queries`; the answer is taken apart in `tables.metrics`.
"""

from __future__ import annotations

from genesys_assets.cloud.analytics.queries import AggregateQuery
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import list_in
from genesys_assets.cloud.http.transport import GenesysCloud

PATH = "/api/v2/analytics/conversations/aggregates/query"


def fetch(cloud: GenesysCloud, query: AggregateQuery) -> Page:
    """The answer of `POST /api/v2/analytics/conversations/aggregates/query`; times in it are milliseconds.

    No `results` means that nothing happened. Raises InvalidQuery, UnexpectedAnswer, or any other
    GenesysCloudError.
    """
    page = cloud.post(PATH, query.validate(cloud.now()).body())
    list_in(page, "results")
    return page
