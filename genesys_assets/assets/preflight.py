"""The preflight asset: whether the organisation can be read, and how much of it, and the lake be written. It keeps
nothing.

What is looked at is decided in `cloud.preflight` and `lake.preflight`; `genesys-assets preflight` is the same as a
command.
"""

from collections.abc import Sequence

import dagster as dg

from genesys_assets.assets.common import POOL, attributes, track_requests
from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.cloud.preflight import Preflight, preflight
from genesys_assets.keys import asset_key
from genesys_assets.lake.opening import s3_client
from genesys_assets.lake.preflight import places
from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource
from genesys_assets.settings import ApiBudgetSettings, DataLakeSettings, PreflightSettings

_DESCRIPTION = """One row per thing that must be right before the first run, shown in the run's metadata.

Login, permissions, visible divisions, queues and users, how far details jobs reach, the clock, the rate limit; whether
lake and published files can be written, and S3's clock. It fails if any of them would make runs fail or hide rows, and
says what to do."""


def build_preflight_asset(families: Sequence[AggregateFamily]) -> dg.AssetsDefinition:
    """`families` are those that are asked beside conversations."""

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
            found = preflight(
                cloud,
                expected_queues=expected,
                families=families,
                data_lake=DataLakeSettings.load().is_on,
                usage=ApiBudgetSettings.load().usage,
            )
        found = Preflight(found.findings + places(s3_client, lake.location, publishing.publish_url))
        metadata = {"findings": dg.MetadataValue.md(markdown(found)), **spent}
        if not found.passed:
            raise dg.Failure(_in_short(found), metadata=metadata, allow_retries=False)
        warnings = sum(finding.level == "warn" for finding in found.findings)
        return dg.MaterializeResult(metadata=metadata | {"warnings": warnings})

    return look


def markdown(found: Preflight) -> str:
    """The findings as a Markdown table."""
    from tabulate import tabulate

    rows = [(finding.level, finding.what, finding.value, finding.advice) for finding in found.findings]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return tabulate(escaped, headers=["", "what", "how it is", "what to do"], tablefmt="github", disable_numparse=True)


def _in_short(found: Preflight) -> str:
    return "\n".join(f"{finding.what}: {finding.value}. {finding.advice}" for finding in found.failures)
