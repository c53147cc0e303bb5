"""Table assets of the families of aggregates besides conversations: the answers about a day's hours, decoded.

Only families that reports or settings need have such an asset. If the platform answered no hour of a day for a family,
its table has no partition for that day: an empty one would look like figures of 0. `tables.metrics.buckets` declares
the tables.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import dagster as dg

from genesys_assets.assets.common import attributes, checked_keys, description
from genesys_assets.assets.tables import write_metrics_of_days
from genesys_assets.checks.table_checks import check_specs
from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.days import made_of
from genesys_assets.days.day_tables import MetricsOfDay
from genesys_assets.days.families import has_answers, unanswered
from genesys_assets.days.sources import family_metrics_of
from genesys_assets.keys import asset_key
from genesys_assets.partitions import Calendar, hours_to_days
from genesys_assets.resources import LakeResource
from genesys_assets.tables.metrics.buckets import table_of


def build_family_assets(calendar: Calendar, families: Sequence[AggregateFamily]) -> list[dg.AssetsDefinition]:
    return [_family_metrics(calendar, family) for family in families]


def _family_metrics(calendar: Calendar, family: AggregateFamily) -> dg.AssetsDefinition:
    spec = table_of(family)
    key = asset_key("tables", spec.name)

    @dg.multi_asset(
        name=f"tables_{spec.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[
                    dg.AssetDep(asset_key("pages", "hourly_aggregates"), partition_mapping=hours_to_days()),
                ],
                description=description(spec, "Source: genesys/pages/hourly_aggregates."),
                skippable=True,
                **attributes("tables", "arrow", "parquet"),
            )
        ],
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        can_subset=True,
        check_specs=check_specs(spec, key),
    )
    def family_metrics(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored, days = lake.lake, list(checked_keys(context, calendar.daily))
        answered = [day for day in days if has_answers(stored, day, family)]
        without_answers = sorted(set(days) - set(answered))
        if without_answers:
            reasons = unanswered(stored, without_answers)
            why = reasons.get(family.name, "the family was not asked yet when the hours were fetched")
            context.log.warning(f"{spec.name} has no partition for {', '.join(without_answers)}: {why}")
        if answered:
            pages_of = partial(family_metrics_of, family=family)
            metrics = MetricsOfDay(spec, pages_of, made_of.of_family_metrics)
            yield from write_metrics_of_days(context, stored, answered, key, metrics)
        if answered and without_answers:
            raise dg.Failure(
                f"{spec.name}: the platform answered no hour of {', '.join(without_answers)}", allow_retries=False
            )

    return family_metrics
