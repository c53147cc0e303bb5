"""Figures of a family of aggregates, by bucket and group: one query, one answer, no pages.

`queries` builds the query; `tables.metrics` decodes the answer.
"""

from __future__ import annotations

from genesys_assets.cloud.analytics.queries import AggregateQuery
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import list_in
from genesys_assets.cloud.http.transport import GenesysCloud


def fetch(cloud: GenesysCloud, query: AggregateQuery) -> Page:
    """The answer of `POST /api/v2/analytics/<family>/aggregates/query`. Times in it are milliseconds.

    An answer without `results` means that nothing happened. Raises InvalidQuery, UnexpectedAnswer, or any other
    GenesysCloudError.
    """
    page = cloud.post(query.family.path, query.require_past(cloud.now()).body())
    list_in(page, "results")
    return page
