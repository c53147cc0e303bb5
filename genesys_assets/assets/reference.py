"""Reference assets: the organisation's queues, users, wrap-up codes, flows and so on, the history of their names, and
the history of the service levels set for queues.

If the platform refuses a listing that is not needed (`Listing.is_needed`), the stored listing stays as it was, a check
names the missing permission, and other assets go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import (
    POOL,
    attributes,
    change_metadata,
    description,
    fail_without_retry,
    provenance,
    report_partition,
    table_metadata,
    track_requests,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud import reference
from genesys_assets.cloud.errors import GenesysCloudError, MissingPermission, NotFound
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import ConcurrentCommit, TableContended
from genesys_assets.lake.lake import AuditFailed, Lake, Provenance, Writing
from genesys_assets.personal_data import PersonalData
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.spans import milliseconds
from genesys_assets.tables.entities import ENTITIES, ListingShrunk, entity_table, newly_deleted
from genesys_assets.tables.names import HISTORIES, history, with_entities_of_history
from genesys_assets.tables.personal import class_of
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY, service_levels_history
from genesys_assets.tables.spec import TableSpec

_PRESENT = "An entity that is no longer listed stays, with its last known name, marked deleted."
_OVER_TIME = (
    "A new row begins when an entity was renamed, was deleted or came back; the row whose valid_to is null has the "
    "present name. For days before an entity was first seen, its first name counts."
)
_PERMITTED = "is_permitted"
_LEVELS_OVER_TIME = (
    "A new row begins when another service level was set, at the time that the platform gives for the queue's last "
    "change. The first row of a queue begins with the last change before it was first seen."
)
_QUEUES = "queues"
_NAMES_LOGGED = 10
_TRIES = 20


class ReferenceConfig(dg.Config):
    """`accept_disappearances`: accept a listing that lacks most entities that were known before. For one run only."""

    accept_disappearances: bool = False


def build_reference_assets() -> list[dg.AssetsDefinition]:
    return [_reference_assets(name) for name in ENTITIES]


def _reference_assets(name: str) -> dg.AssetsDefinition:
    """The present entities and the history of their names; of queues also the history of their service levels. A run
    always stores all of them, whichever were selected, so that no name is missed.
    """
    present, over_time, listed = ENTITIES[name], HISTORIES[name], reference.LISTINGS[name]
    described_specs = [(present, _PRESENT), (over_time, _OVER_TIME)]
    if name == _QUEUES:
        described_specs.append((SERVICE_LEVELS_HISTORY, _LEVELS_OVER_TIME))
    specs = [spec for spec, _ in described_specs]
    keys = {spec.name: asset_key("reference", spec.name) for spec in specs}

    @dg.multi_asset(
        name=f"reference_{name}",
        specs=[_asset_spec(keys[spec.name], spec, text) for spec, text in described_specs],
        can_subset=True,
        pool=POOL,
        check_specs=[
            *(check for spec in specs for check in check_specs(spec, keys[spec.name])),
            *([] if listed.is_needed else [_permitted_spec(listed, keys[name])]),
        ],
    )
    def fetch(
        context: dg.AssetExecutionContext,
        config: ReferenceConfig,
        genesys_cloud: GenesysCloudResource,
        lake: LakeResource,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        cloud, stored = genesys_cloud.client, lake.lake
        origin = provenance(context, f"GET {name}")
        with track_requests(cloud) as spent:
            listing, refused = _fetch_or_refusal(cloud, name)
            if refused is None:
                seen_at = max((page.fetched_at for page in listing), default=cloud.now())
                try:
                    with fail_without_retry(ListingShrunk):
                        tables, writing, deleted = _write(
                            stored, name, listing, seen_at, origin, config.accept_disappearances
                        )
                except AuditFailed as failed:
                    yield from failed_checks(failed, {_place(spec.name): (spec, keys[spec.name]) for spec in specs})
                    raise dg.Failure(str(failed), allow_retries=False) from failed
        if refused is not None:
            context.log.warning(f"The listing of {name} stays as it was: {refused}")
            for spec in specs:
                stored.note_unanswered(_place(spec.name), spec, None, cloud.now(), {"why": str(refused), **origin})
            yield from _unanswered(context, listed, keys, refused, spent)
            return
        if any(change.is_superseded for change in writing.changes.values()):
            context.log.warning(f"A newer listing of {name} is stored already, and stays.")
        if deleted:
            context.log.warning(
                f"{len(deleted)} of {name} are deleted or no longer listed since the last run"
                f"{_names_for_log(present, deleted)}"
            )
        for spec in specs:
            place, rows, key = _place(spec.name), tables[spec.name], keys[spec.name]
            if key in context.selected_asset_keys:
                more = change_metadata(writing.changes[place]) | spent | {"newly_deleted": len(deleted)}
                metadata = table_metadata(spec, rows, len(rows), path=stored.place(place, None), **more)
                report_partition(context, key, None, metadata, stored.content(place, None))
                yield dg.MaterializeResult(asset_key=key)
                yield from passed_checks(spec, key)
        if not listed.is_needed and keys[name] in context.selected_asset_keys:
            yield _permitted_result(listed, keys[name], None)

    return fetch


def _asset_spec(key: dg.AssetKey, spec: TableSpec, text: str) -> dg.AssetSpec:
    return dg.AssetSpec(key, description=description(spec, text), **attributes("reference", "genesys", "parquet"))


def _fetch_or_refusal(cloud: GenesysCloud, name: str) -> tuple[list[Page], GenesysCloudError | None]:
    """The listing's pages, or the refusal of a listing that is not needed. The refusal of a needed one is raised."""
    try:
        return list(reference.fetch(cloud, name)), None
    except (MissingPermission, NotFound) as error:
        if reference.LISTINGS[name].is_needed:
            raise
        return [], error


def _unanswered(
    context: dg.AssetExecutionContext,
    listed: reference.Listing,
    keys: Mapping[str, dg.AssetKey],
    refused: GenesysCloudError,
    spent: Mapping[str, Any],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """The results of a run whose listing was refused: its assets count as materialised, so downstream ones go on."""
    for key in keys.values():
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata={"unanswered": str(refused), **spent})
    first = next(iter(keys.values()))
    if first in context.selected_asset_keys:
        yield _permitted_result(listed, first, refused)


def _permitted_spec(listed: reference.Listing, key: dg.AssetKey) -> dg.AssetCheckSpec:
    needs = f" It needs {listed.permission}." if listed.permission else ""
    return dg.AssetCheckSpec(
        _PERMITTED,
        asset=key,
        description=f"The platform returns this listing.{needs} Without it, reports show ids instead of names.",
    )


def _permitted_result(
    listed: reference.Listing, key: dg.AssetKey, refused: GenesysCloudError | None
) -> dg.AssetCheckResult:
    permission = listed.permission or "none is documented"
    return dg.AssetCheckResult(
        check_name=_PERMITTED,
        asset_key=key,
        passed=refused is None,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={} if refused is None else {"why": str(refused), "permission": permission},
    )


def _write(
    lake: Lake,
    name: str,
    listing: Sequence[Page],
    seen_at: datetime,
    origin: Provenance,
    accept_disappearances: bool,
) -> tuple[dict[str, pa.Table], Writing, list[str]]:
    """Store the listing's pages, the present entities and the histories, which build on the stored ones. If those are
    of a newer listing, they and its pages stay, and `changes` says so.

    Returns the tables by name as they are stored now, and the names of newly deleted entities. Raises AuditFailed;
    raises ListingShrunk, and stores nothing, if the listing lacks too many entities.
    """
    present, over_time = ENTITIES[name], HISTORIES[name]
    # Histories are committed first, so that a process that dies in between leaves no entity without a name.
    levels = (SERVICE_LEVELS_HISTORY,) if name == _QUEUES else ()
    specs = {_place(spec.name): spec for spec in (*levels, over_time, present)}
    for _ in range(_TRIES):
        try:
            with lake.table_writers(specs, None, origin, builds_on_stored=True) as writing:
                # Not the time of writing: an older listing, written later, would undo what a newer one says.
                writing.newness, writing.yields_to_newer = milliseconds(seen_at), True
                names_before = _stored(lake, over_time)
                before = with_entities_of_history(present, _stored(lake, present), names_before)
                screen = lake.screen(f"pages/reference_{name}")
                bodies = [screen.page(page).body for page in listing]
                entities = entity_table(present, bodies, before, accept_disappearances=accept_disappearances)
                tables = {name: entities, over_time.name: history(over_time, entities, names_before, seen_at)}
                for spec in levels:
                    tables[spec.name] = service_levels_history(entities, _stored(lake, spec), seen_at)
                for table, rows in tables.items():
                    writing[_place(table)].write(rows)
        except ConcurrentCommit:
            lake = lake.refreshed()
            continue
        newer = {spec.name: spec for place, spec in specs.items() if writing.changes[place].is_superseded}
        tables |= {table: _stored(lake, spec) for table, spec in newer.items()}
        if name in newer:
            return tables, writing, []
        with lake.page_writers(f"pages/reference_{name}", [None], origin) as writers:
            for page in listing:
                writers[None].write(page)
        return tables, writing, newly_deleted(entities, before)
    raise TableContended(f"Other processes replaced reference/{name} {_TRIES} times in a row. Run it again.")


def _stored(lake: Lake, spec: TableSpec) -> pa.Table:
    """The stored rows of a table; none if they can no longer be read."""
    rows = lake.read_to_build_on(_place(spec.name), None, spec.schema)
    return spec.empty() if rows is None else rows


def _names_for_log(present: TableSpec, names: Sequence[str]) -> str:
    """The first names; empty if they are personal data, which could not be forgotten in the log of a run."""
    if class_of(present.name, "name") is not PersonalData.NONE:
        return ""
    return ": " + ", ".join(names[:_NAMES_LOGGED]) + (" …" if len(names) > _NAMES_LOGGED else "")


def _place(table: str) -> str:
    return f"reference/{table}"
