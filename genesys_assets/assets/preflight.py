"""The preflight asset: checks how much of the organisation can be read, and that the lake can be written. Like every
asset that calls the API, it stores its requests in `tables/api_requests`, and nothing else.

`cloud.preflight` and `lake.preflight` have the checks; the command `genesys-assets preflight` runs the same ones.
"""

from collections.abc import Sequence

import dagster as dg

from genesys_assets.assets.common import POOL, attributes, observe_requests, track_requests
from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.cloud.preflight import Preflight, preflight
from genesys_assets.keys import asset_key
from genesys_assets.lake.opening import s3_client
from genesys_assets.lake.preflight import check_places
from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource
from genesys_assets.settings import ApiBudgetSettings, DataLakeSettings, PreflightSettings

_DESCRIPTION = """One row per check before the first run, shown in the run's metadata.

It checks the login, permissions, visible divisions, queues and users, up to when details jobs have data, the clock, the
rate limit, whether lake and published files can be written, and S3's clock. It fails if one of them would make runs
fail or hide rows, and says what to do."""


def build_preflight_asset(families: Sequence[AggregateFamily]) -> dg.AssetsDefinition:
    """`families` are the families of aggregates that are asked besides conversations."""

    @dg.asset(
        key=asset_key("ops", "preflight"),
        description=_DESCRIPTION,
        pool=POOL,
        **attributes("ops", "genesys"),
    )
    def look(
        genesys_cloud: GenesysCloudResource, lake: LakeResource, publishing: PublishingResource
    ) -> dg.MaterializeResult:
        expected, cloud = PreflightSettings.load().expected_queues, genesys_cloud.client
        with track_requests(cloud) as spent:
            outcome = preflight(
                cloud,
                expected_queues=expected,
                families=families,
                data_lake=DataLakeSettings.load().is_on,
                usage=ApiBudgetSettings.load().usage,
            )
        outcome = Preflight(outcome.results + check_places(s3_client, lake.location, publishing.publish_url))
        metadata = {"findings": dg.MetadataValue.md(markdown(outcome)), **spent}
        if not outcome.passed:
            observe_requests(spent)
            raise dg.Failure(_failures_as_text(outcome), metadata=metadata, allow_retries=False)
        warnings = sum(result.level == "warn" for result in outcome.results)
        return dg.MaterializeResult(metadata=metadata | {"warnings": warnings})

    return look


def markdown(outcome: Preflight) -> str:
    """The results as a Markdown table."""
    from tabulate import tabulate

    rows = [(result.level, result.what, result.value, result.advice) for result in outcome.results]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return tabulate(escaped, headers=["", "what", "how it is", "what to do"], tablefmt="github", disable_numparse=True)


def _failures_as_text(outcome: Preflight) -> str:
    return "\n".join(f"{result.what}: {result.value}. {result.advice}" for result in outcome.failures)
