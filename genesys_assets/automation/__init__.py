"""When things run. What runs is in `assets`.

`wanted` what should be there and is not
`plan` what of it is asked for now; `progress` what runs are doing, as Dagster has it
`sensors` the sensors that ask; `jobs` what they and people launch; `schedules` what goes by the clock
`status` what is stored, missing and late of every asset, for people and cron; `estimate` what a range of days costs
`alerts` the sensors that speak up; `late` which figures are late
`run_metrics` one line of JSON for each ended run
`unreported` reports to Dagster the stored partitions that it does not know
`local_runs` whether the process of a run is still there
`conditions` when reports of a day in other code locations are computed again; `elsewhere` those of several days
"""
