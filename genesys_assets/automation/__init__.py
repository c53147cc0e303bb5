"""Decides when assets are materialised. `assets` defines them.

`backlog` partitions that must be read from the platform; `stale` those that must be computed or published
`next_run` which range of them to run next; `progress` what runs and backfills are doing, as Dagster knows it
`sensors` launch runs; `tick` what one tick finds missing or stale; `jobs` what sensors launch
`schedules` the live snapshots; `switches` which sensors and schedules start running
`status` what is stored, missing, stale and late, for people and cron; `estimate` what a range of days costs
`alerts` sensors for failed runs and late figures; `late` which figures are late
`run_metrics` one line of JSON per ended run; `telemetry` sends these lines to OpenTelemetry
`manifests` the manifests of published days, as sensors read them
`unreported` reports stored partitions that Dagster does not know
`local_runs`, `celery_runs` launchers that detect dead runs
`standalone_condition`, `standalone_sensor` automate reports in other code locations: about one day, about several days
"""
