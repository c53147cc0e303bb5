"""dlt: its rest_api source with client credentials and pages by number, normalised into child tables as Parquet.

    python dlt_rest_api.py DAY FOLDER

As in its documentation: only the configuration is written by hand. The environment says where the sandbox is.
"""

from __future__ import annotations

import os
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

os.environ |= {"RUNTIME__LOG_LEVEL": "CRITICAL", "RUNTIME__DLTHUB_TELEMETRY": "false"}

import dlt
from dlt.common.configuration import configspec
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source


@configspec
class BasicCredentials(OAuth2ClientCredentials):
    """The platform expects id and secret in the header, as many do."""

    def build_access_token_request(self) -> dict[str, Any]:
        return {"auth": (self.client_id, self.client_secret), "data": {"grant_type": "client_credentials"}}


def main(day: str, folder: str) -> None:
    url = os.environ["GENESYS_CLOUD_API_URL"]
    end = date.fromisoformat(day) + timedelta(days=1)
    auth = BasicCredentials(
        access_token_url=f"{url}/oauth/token",
        client_id=os.environ["GENESYS_CLOUD_CLIENT_ID"],
        client_secret=os.environ["GENESYS_CLOUD_CLIENT_SECRET"],
    )
    asked = {
        "interval": f"{day}T00:00:00.000Z/{end}T00:00:00.000Z",
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": 100, "pageNumber": 1},
    }
    source = rest_api_source(
        {
            "client": {"base_url": url, "auth": auth},
            "resources": [
                {
                    "name": "conversations",
                    "endpoint": {
                        "path": "/api/v2/analytics/conversations/details/query",
                        "method": "POST",
                        "json": asked,
                        "data_selector": "conversations",
                        "paginator": PageNumberPaginator(
                            base_page=1, page_body_path="paging.pageNumber", total_path=None
                        ),
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=str(Path(folder) / "pipeline"),
        destination=dlt.destinations.filesystem(str(Path(folder))),
        dataset_name="dataset",
    )
    pipeline.run(source, loader_file_format="parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
