"""Page assets of aggregates: figures that the platform counted. Those of conversations are fetched by hour and by
business day; those of other families that reports or settings need, by hour only.

`aggregates_fetcher` asks the questions, and notes families that the platform refuses. `tables` decodes the answers.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any

import dagster as dg

from genesys_assets.assets.aggregates_fetcher import AggregatesFetcher, CannotAsk, Unanswered
from genesys_assets.assets.common import (
    POOL,
    attributes,
    checked_keys,
    due_every,
    fail_without_retry,
    provenance,
    track_requests,
)
from genesys_assets.assets.pages import A_LITTLE_AGO, Bounds, Progress, day_by_day, report_if_fetched, report_pages
from genesys_assets.cloud.analytics.aggregate_windows import group_spans
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.analytics.queries import AggregateQuestion, Granularity, Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.days.families import ANSWERED, UNANSWERED, answers_to_keep
from genesys_assets.days.limits import HOURS_LIMIT
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.lake import Lake, PageWriter, Provenance, Reach
from genesys_assets.partitions import HOUR, Calendar, utc_hour
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.reports.meaning.questions import STANDARD
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.settings import AggregatesSettings

_SOURCE = "POST /api/v2/analytics/<family>/aggregates/query"
EVERY_FAMILY = "every_family_is_answered"
_NO_IDS = ("hash:", "forgotten:")
"""Prefixes of values that the lake stores instead of ids."""


def build_aggregates_assets(
    calendar: Calendar, questions: Sequence[AggregateQuestion] = STANDARD
) -> list[dg.AssetsDefinition]:
    """`questions` are asked about every hour; those about conversations also about every business day."""
    of_conversations = [question for question in questions if question.family is CONVERSATIONS]
    return [_hourly_aggregates(calendar, questions), _daily_aggregates(calendar, of_conversations)]


def _hourly_aggregates(calendar: Calendar, questions: Sequence[AggregateQuestion]) -> dg.AssetsDefinition:
    key = asset_key("pages", "hourly_aggregates")

    @dg.asset(
        key=key,
        partitions_def=calendar.hourly,
        freshness_policy=due_every(HOUR, HOURS_LIMIT),
        backfill_policy=calendar.hourly_runs,
        pool=POOL,
        description=f"One row per answer of `{_SOURCE}` about the hour, in intervals of PT15M. Two questions are about "
        "conversations, one by queueId and mediaType, one by userId and mediaType; reports and settings may need "
        "further questions about any family. One request covers a range of hours, and its answer is split by hour.",
        check_specs=[
            dg.AssetCheckSpec(
                EVERY_FAMILY,
                asset=key,
                description="Every family that reports or settings need was answered. If one was not, this check warns "
                "and says why, for example which permission is missing; the family stays unanswered.",
            )
        ],
        **attributes("pages", "genesys", "parquet"),
    )
    def hourly_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.hourly)
        windows = {key: utc_hour(key) for key in keys}
        spent, unanswered = _fetch(context, genesys_cloud, lake, "hourly_aggregates", questions, windows, "PT15M", None)
        return dg.MaterializeResult(metadata=spent, check_results=[_verdict(key, unanswered)])

    return hourly_aggregates


def _daily_aggregates(calendar: Calendar, questions: Sequence[AggregateQuestion]) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "daily_aggregates"),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description=f"One row per answer of `POST {CONVERSATIONS.path}` about the business day, at P1D and in the time "
        "zone GENESYS_ASSETS_TIME_ZONE; of today, up to one minute ago. Several days share a request, except days on "
        "which clocks change.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.daily)
        until = datetime.now(UTC) - A_LITTLE_AGO
        windows = {key: _so_far(key, *calendar.business_day(key), until) for key in keys}
        zone = None if calendar.zone.key == "UTC" else calendar.zone.key
        spent, _ = _fetch(context, genesys_cloud, lake, "daily_aggregates", questions, windows, "P1D", zone)
        return dg.MaterializeResult(metadata=spent)

    return daily_aggregates


def _fetch(
    context: dg.AssetExecutionContext,
    genesys_cloud: GenesysCloudResource,
    lake: LakeResource,
    name: str,
    questions: Sequence[AggregateQuestion],
    windows: dict[str, Bounds],
    granularity: Granularity,
    time_zone: str | None,
) -> tuple[dict[str, Any], Unanswered]:
    """Fetch and store the answers about some windows, by key. Returns metadata about the requests, and the families
    that stayed unanswered.
    """
    cloud, origin, stored, place = genesys_cloud.client, provenance(context, _SOURCE), lake.lake, f"pages/{name}"
    windows = {
        key: bounds for key, bounds in windows.items() if not report_if_fetched(context, stored, place, {key: bounds})
    }
    keys = {Interval(*bounds): key for key, bounds in sorted(windows.items())}
    fetcher = AggregatesFetcher(cloud, questions, partial(_users, lake), granularity, time_zone)
    batches = list(group_spans(list(keys), AggregatesSettings.load().longest_window, time_zone))
    progress, keys_kept = Progress(context, name), dict[str, list[str]]()
    with track_requests(cloud) as spent:
        for done, spans in enumerate(batches, start=1):
            pages = {keys[span]: of_span for span, of_span in fetcher.pages(spans)}
            for of_day in day_by_day({key: windows[key] for key in pages}):
                try:
                    writers, kept_of = _store(stored.refreshed(), place, of_day, origin, pages, fetcher)
                except ConcurrentCommit:
                    writers, kept_of = _store(stored.refreshed(), place, of_day, origin, pages, fetcher)
                for key, families in kept_of.items():
                    for family in families:
                        keys_kept.setdefault(family, []).append(key)
                report_pages(context, of_day, writers, dict.fromkeys(of_day, _metadata_of(fetcher.unanswered)))
            progress(done * len(questions), len(batches) * len(questions), None)
    for family, reason in fetcher.unanswered.items():
        context.log.warning(f"The family {family} stays unanswered: {reason}")
    for family, of_family in keys_kept.items():
        context.log.warning(
            f"The stored answers of the family {family} are kept for {len(of_family)} partitions, {of_family[0]} to "
            f"{of_family[-1]}, because this run got no answers of this family. They are as old as before."
        )
    return spent, fetcher.unanswered


def _store(
    lake: Lake,
    place: str,
    windows: Mapping[str, Bounds],
    origin: Provenance,
    pages: Mapping[str, Sequence[Page]],
    fetcher: AggregatesFetcher,
) -> tuple[dict[str | None, PageWriter], dict[str, list[str]]]:
    """Store the pages of some partitions, and with them the stored answers of families that the platform refuses.
    Returns the writers, and the families that were kept for each partition. Raises ConcurrentCommit if another run
    stored one of these partitions meanwhile, maybe with answers that must be kept.
    """
    refused, kept_of = fetcher.unanswered, dict[str, list[str]]()
    writing = lake.page_writers(place, list(windows), origin, keeps_stored=bool(refused))
    with fail_without_retry(CannotDrop), writing as writers:
        for key, (_, end) in windows.items():
            kept = answers_to_keep(lake, place, key, refused)
            kept_of[key] = list(kept)
            writers[key].reach = Reach(end)
            writers[key].provenance |= {ANSWERED: sorted({*fetcher.answered, *kept}), UNANSWERED: refused}
            for page in chain(pages[key], *kept.values()):
                writers[key].write(page)
    return writers, kept_of


def _metadata_of(unanswered: Unanswered) -> dict[str, Any]:
    return {"unanswered": dg.MetadataValue.json(dict(unanswered))} if unanswered else {}


def _verdict(key: dg.AssetKey, unanswered: Unanswered) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=EVERY_FAMILY,
        asset_key=key,
        passed=not unanswered,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={family: dg.MetadataValue.text(reason) for family, reason in unanswered.items()},
    )


def _users(lake: LakeResource) -> list[str]:
    """The ids of all users that the listing ever had, without users who were forgotten. Raises CannotAsk."""
    stored, place = lake.lake, "reference/users"
    if stored.protection.action(PersonalData.PERSON) != "keep":
        raise CannotAsk(
            "with GENESYS_ASSETS_PERSONAL_DATA the lake stores only hashes of user ids, which the platform does not "
            "know: keep person, or take users out of GENESYS_ASSETS_FAMILIES"
        )
    ids = stored.read(place, None, columns=["id"])["id"].to_pylist() if stored.has(place, None) else []
    users = sorted({id_ for id_ in ids if id_ and not id_.startswith(_NO_IDS)})
    if not users:
        raise CannotAsk(
            "genesys/reference/users has no users yet: materialise the group reference, then the hours again"
        )
    return users


def _so_far(key: str, start: datetime, end: datetime, until: datetime) -> Bounds:
    if start >= until:
        raise dg.Failure(
            f"The business day {key} begins at {start:%Y-%m-%d %H:%M} UTC, so it has no figures yet: "
            "materialise it later.",
            allow_retries=False,
        )
    return start, min(end, until)
