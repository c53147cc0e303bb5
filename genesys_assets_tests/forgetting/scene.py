"""A lake with a person's data everywhere it can be: pages, tables, custom reports, snapshots, another team's table,
published days, older versions, and leftovers of a killed run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.published import Publication
from genesys_assets.forgetting.recomputed import Recomputation
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.partitions import Calendar
from genesys_assets.privacy.forgotten import Kind
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day import PublishRequest, publish_day
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.publisher import Publisher, open_publisher
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.meaning.report import Report as ReportOfLanguage
from genesys_assets.reports.stored_definitions import stored_definitions
from genesys_assets.sandbox.organisation import Item
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.assets.world import World, environment, hours
from genesys_assets_tests.conftest import DAYS
from genesys_assets_tests.forgetting.traces import files_with

DAY, NEXT = f"{DAYS[-2]}", f"{DAYS[-1]}"
VICTIM = "5a0c0000-1111-4222-8333-00000000a001"
BYSTANDER = "5a0c0000-1111-4222-8333-00000000a002"
CONTACT = "c0417ac7-1111-4222-8333-00000000b001"
OTHER_CONTACT = "c0417ac7-1111-4222-8333-00000000b002"
OF_CONTACT = (
    *("+41790001122", "Ottilie Quarz", "KD-998877", "quarz rang twice", "ottilie@quarz.example", CONTACT),
    *("mauve", "+41790005566", "Quarz at home"),
)
"""What identifies the customer of VICTIM."""
OF_BYSTANDER = ("+41790003344", "Benno Basalt", OTHER_CONTACT, BYSTANDER)
REPORTS = """\
reports:
  callers:
    description: One row per number that called.
    group_by: [ani]
    details: {table: sessions, measures: {sessions: count}}
    columns: {sessions: }
  each_conversation:
    description: One row per conversation.
    group_by: [conversationId]
    details: {table: sessions, measures: {sessions: count, remotes: {distinct: remote}}}
    columns: {sessions: , remotes: }
  tags:
    description: One row per tag.
    group_by: [externalTag]
    details: {table: conversations, measures: {conversations: count}}
    columns: {conversations: }
  notes:
    description: The notes of each queue.
    group_by: [queueId]
    details: {table: segments, measures: {segments: count, notes: {distinct: wrap_up_note}}}
    columns: {segments: , notes: }
  colours:
    description: What attributes say.
    details: {table: participant_attributes, measures: {attributes: count, values: {distinct: value}}}
    columns: {attributes: , values: }
  transfers:
    description: Where flows transfer to.
    details:
      table: sessions
      measures:
        sessions: count
        addresses: {distinct: flow_transfer_target_address}
        names: {distinct: flow_transfer_target_name}
    columns: {sessions: , addresses: , names: }
"""
BONUS = TableSpec(
    "bonus_points",
    "A table of somebody else's.",
    (),
    columns("user_id string agent\nagent string name\nconversation_id string the conversation\nnote string free text"),
)


def call(id_: str, contact: str, number: str, name: str, user: Mapping[str, Any], more: Mapping[str, str]) -> Item:
    """A call of the day that a customer made and an agent took, with everything that identifies both."""
    at = [f"{DAY}T10:{minute:02d}:00.000Z" for minute in range(10)]
    legs = {"mediaType": "voice", "direction": "inbound", "provider": "Edge", "ani": f"tel:{number}"}
    return {
        "conversationId": id_,
        "conversationStart": at[0],
        "conversationEnd": at[9],
        "originatingDirection": "inbound",
        "externalTag": more["customer"],
        "participants": [
            {
                "participantId": f"{id_[:-4]}c001",
                "purpose": "customer",
                "participantName": name,
                "externalContactId": contact,
                "attributes": {
                    "customer": more["customer"],
                    "mail": more["mail"],
                    "conversation": id_,
                    "colour": more["colour"],
                },
                "sessions": [
                    {
                        "sessionId": f"{id_[:-4]}5001",
                        **legs,
                        "remote": user["name"],
                        "flow": {
                            "flowId": f"{id_[:-4]}f001",
                            "flowType": "INBOUNDCALL",
                            "transferType": "EXTERNAL",
                            "transferTargetAddress": f"tel:{more['home']}",
                            "transferTargetName": more["at_home"],
                        },
                        "segments": [{"segmentStart": at[0], "segmentEnd": at[9], "segmentType": "interact"}],
                        "metrics": [{"name": "nConnected", "value": 1, "emitDate": at[0]}],
                    }
                ],
            },
            {
                "participantId": f"{id_[:-4]}d001",
                "purpose": "agent",
                "userId": user["id"],
                "participantName": user["name"],
                "sessions": [
                    {
                        "sessionId": f"{id_[:-4]}5002",
                        **legs,
                        "remote": f"tel:{number}",
                        "segments": [
                            {
                                "segmentStart": at[1],
                                "segmentEnd": at[8],
                                "segmentType": "interact",
                                "wrapUpNote": more["note"],
                            }
                        ],
                        "metrics": [{"name": "tHandle", "value": 420_000, "emitDate": at[8]}],
                    }
                ],
            },
        ],
    }


@dataclass(frozen=True)
class Scene:
    """A lake and its published files, in one folder; and the agent who took the calls."""

    world: World
    home: Path
    user: Mapping[str, Any]

    @property
    def folders(self) -> Path:
        """The folders of everything that is stored."""
        return self.home

    @property
    def lake(self) -> Lake:
        with environment(self.world.environment):
            return open_lake()

    @property
    def of_user(self) -> tuple[str, ...]:
        return (self.user["id"], self.user["name"], self.user["email"])

    def files_with(self, *values: str) -> dict[str, list[str]]:
        """Which of the values appear in which file."""
        return files_with(self.home, values)

    def copied(self, home: Path) -> Scene:
        """A copy, for a test that changes it."""
        shutil.copytree(self.home, home)
        return replace(self, home=home, world=at_home(self.world, home))

    @property
    def manifest(self) -> Manifest:
        """The manifest of the published day."""
        found = open_publisher(str(self.home / "published"), lambda: None).manifest(date.fromisoformat(DAY))
        assert found is not None
        return found

    def files_of(self, *places: str) -> list[tuple[str, Path]]:
        """The files of some tables of the lake, by key."""
        files = (path for place in places for path in (self.home / "lake" / place).rglob("*") if path.is_file())
        return [(str(path.relative_to(self.home)), path) for path in sorted(files)]

    def published(self, publisher: Publisher | None = None) -> Publication:
        publisher = publisher or open_publisher(str(self.home / "published"), lambda: None)
        reports = [*built_in_reports(), *CustomReports.read(self.home / "reports.yaml").reports]
        zone = Calendar.from_environment().zone

        def republish(lake: Lake, manifest: Manifest) -> None:
            day = BusinessDay.of(f"{manifest.date}", zone)
            publish_day(lake, publisher, PublishRequest(day, reports, "forget", manifest.missing))

        return Publication(publisher, republish)

    def forget(self, kind: Kind, *ids: str, dry_run: bool = False, now: datetime | None = None) -> ForgettingResult:
        moment = now or datetime.now(UTC) + timedelta(hours=2)
        stored = stored_definitions(self.lake)
        again = Recomputation(self.reports(), Calendar.from_environment().zone, stored=stored)
        return lakewide.forget(self.lake, {kind: ids}, moment, self.published(), again, dry_run=dry_run)

    def reports(self) -> dict[str, ReportOfLanguage]:
        """All reports that the scene knows, by name."""
        known = [*built_in_reports(), *CustomReports.read(self.home / "reports.yaml").reports]
        return {report.name: report for report in known}

    def run(self, *assets: str, job: str = "daily", **of: Any) -> None:
        result = self.world.run(job, *assets, **({"partition": DAY} | of))
        assert result.success

    def rows(self, place: str, key: str | None = DAY) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.lake.read(place, key).to_pylist()
        return rows


def at_home(world: World, home: Path) -> World:
    settings = {**world.settings, "DAGSTER_HOME": str(home), "GENESYS_ASSETS_PUBLISH_URL": str(home / "published")}
    settings |= {"GENESYS_ASSETS_REPORTS": str(home / "reports.yaml")}
    return replace(world, folder=home / "lake", settings=settings)


TABLES = ("conversations", "participants", "participant_attributes", "sessions", "segments", "session_metrics")
OTHERS = ("media_endpoint_stats", "flow_outcomes", "evaluations", "surveys", "resolutions", "interaction_legs")
OF_DAY = tuple(f"tables/{name}" for name in (*TABLES, *OTHERS, "interval_metrics", "daily_metrics"))
OF_REPORTS = tuple(
    f"reports/{name}"
    for name in ("agent_hourly", "agent_daily", "callers", "each_conversation", "tags", "notes", "colours", "transfers")
)


def fill(scene: Scene) -> None:
    """Store the day, and the people in it, everywhere."""
    organisation, user = scene.world.sandbox.organisation, scene.user
    told = {"customer": "KD-998877", "mail": "ottilie@quarz.example", "note": "quarz rang twice"}
    told |= {"colour": "mauve", "home": "+41790005566", "at_home": "Quarz at home"}
    organisation.plant(call(VICTIM, CONTACT, "+41790001122", "Ottilie Quarz", user, told))
    told = {"customer": "KD-112233", "mail": "benno@basalt.example", "note": f"see {VICTIM}"}
    told |= {"colour": "green", "home": "+41790007788", "at_home": "Basalt at home"}
    beside = call(BYSTANDER, OTHER_CONTACT, "+41790003344", "Benno Basalt", user, told)
    organisation.plant(beside | {"associatedConversationId": VICTIM})
    scene.run(job="hourly", partition=None, between=hours(DAY, NEXT))
    for table in ("queues", "users", "wrapup_codes", "skills", "divisions"):
        scene.run(f"reference/{table}", f"reference/{table}_history")
    scene.run("reference/queue_members", "reference/user_skills", job="observe", partition=NEXT)
    complete(scene)
    # The day is read again: older versions stay for a day.
    organisation.restate(BYSTANDER, lambda item: item.update(originatingSocialMediaPublic=False))
    complete(scene)
    scene.run("tables/restatements", "tables/open_conversations")
    scene.run(*OF_REPORTS)
    scene.run("published/reports")
    scene.run("published/index")
    lake, observed = scene.lake, datetime.now(UTC)
    row = dict.fromkeys(LIVE_CONVERSATIONS.schema.names, "x") | {"observed_at": observed, "activity_date": observed}
    row |= {"conversation_id": VICTIM, "user_id": user["id"], "ani": "tel:+41790001122"}
    row |= {"participant_name": "Ottilie Quarz"}
    beside_it = row | {"conversation_id": BYSTANDER, "ani": "tel:+41790003344", "participant_name": "Benno Basalt"}
    snapshot = pa.Table.from_pylist([row, beside_it], LIVE_CONVERSATIONS.schema)
    lake.append("live/conversations", LIVE_CONVERSATIONS, snapshot, observed, {})
    bonus = [{"user_id": user["id"], "agent": user["name"], "conversation_id": VICTIM, "note": f"of {VICTIM}"}]
    bonus += [bonus[0] | {"conversation_id": BYSTANDER, "note": None}]
    lake.write("downstream/bonus_points", BONUS, pa.Table.from_pylist(bonus, BONUS.schema), DAY, {})
    by_delta_lake(scene)
    note = {"outcome": {"file": "saved/Ottilie Quarz.json", "what": "imported", "reason": f"{VICTIM} was left out"}}
    lake.store.put(f"imports/{'0' * 64}.json", json.dumps(note).encode())
    leave_behind(scene)


def by_delta_lake(scene: Scene) -> None:
    """A table that another program writes with Delta Lake: its log has minimum and maximum values, and a checkpoint."""
    folder = scene.home / "lake/downstream/by_delta_lake"
    for customer, id_ in (("Ottilie Quarz", VICTIM), ("Benno Basalt", BYSTANDER)):
        rows = [{"customer": customer, "agent": scene.user["name"], "conversation_id": id_, "points": 7}]
        write_deltalake(folder, pa.Table.from_pylist(rows), mode="append")
    DeltaTable(folder).create_checkpoint()


def complete(scene: Scene) -> None:
    scene.run("pages/daily_details", "pages/daily_overlap", "pages/daily_aggregates", job="complete")
    scene.run("pages/daily_overlap", job="complete", partition=NEXT)
    scene.run(*OF_DAY)


def leave_behind(scene: Scene) -> None:
    """Leave what a killed run leaves: a file that no commit names, and a draft."""
    folder = scene.home / "lake"
    (stored,) = scene.lake.log("tables/participants").files(DAY)
    left = folder / f"tables/participants/date={DAY}/{'0' * 32}-{'0' * 12}.parquet"
    shutil.copy(folder / "tables/participants" / stored.path, left)
    draft = folder / ".drafts" / ("0" * 32)
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(f"a page of {VICTIM} {CONTACT} {scene.user['id']}".encode())


def places(found: Mapping[str, Sequence[str]]) -> set[str]:
    """The first two folders of files below the lake, or the published folder."""
    return {"/".join(path.removeprefix("lake/").split("/")[:2]) for path in found}
