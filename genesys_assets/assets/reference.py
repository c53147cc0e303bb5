"""Reference assets: the organisation's queues, users, wrap-up codes, skills and divisions."""

import dagster as dg

from genesys_assets.assets.common import (
    POOL,
    asking,
    asset_key,
    attributes,
    description,
    provenance,
    table_metadata,
)
from genesys_assets.checks.table_checks import check_specs, check_table
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.entities import ENTITIES, entity_table


def build_reference_assets() -> list[dg.AssetsDefinition]:
    return [_reference_asset(name) for name in ENTITIES]


def _reference_asset(name: str) -> dg.AssetsDefinition:
    spec = ENTITIES[name]
    key = asset_key("reference", name)

    @dg.asset(
        key=key,
        description=description(
            spec, "An entity that is no longer listed stays, with its last known name, marked deleted."
        ),
        pool=POOL,
        check_specs=check_specs(spec, key),
        **attributes("reference", "genesys", "parquet"),
    )
    def fetch(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        from genesys_assets.cloud import reference

        cloud, place = genesys_cloud.client, f"reference/{name}"
        origin = provenance(context, f"GET {name}")
        with (
            asking(cloud) as spent,
            lake.lake.page_writers(f"pages/reference_{name}", [None], origin) as writers,
        ):
            for page in reference.fetch(cloud, name):
                writers[None].write(page)
        pages = lake.lake.pages(f"pages/reference_{name}", None) or ()
        before = lake.lake.read(place, None, schema=spec.schema)
        table = entity_table(spec, (page.body for page in pages), before)
        lake.lake.write(place, spec, table, None, origin)
        return dg.MaterializeResult(
            metadata=table_metadata(spec, table, len(table), **spent) | {"path": lake.lake.place(place, None)},
            check_results=check_table(lake.lake, place, [None], spec, key),
        )

    return fetch
