"""Figures per bucket and group, of any family: one question, one answer, no pages.

The question is built in `queries`; the answer is taken apart in `tables.metrics`.
"""

from __future__ import annotations

from genesys_assets.cloud.analytics.queries import AggregateQuery
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import list_in
from genesys_assets.cloud.http.transport import GenesysCloud


def fetch(cloud: GenesysCloud, query: AggregateQuery) -> Page:
    """The answer of `POST /api/v2/analytics/<family>/aggregates/query`; times in it are milliseconds.

    No `results` means that nothing happened. Raises InvalidQuery, UnexpectedAnswer, or any other
    GenesysCloudError.
    """
    page = cloud.post(query.family.path, query.validate(cloud.now()).body())
    list_in(page, "results")
    return page
