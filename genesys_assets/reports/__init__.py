"""Reports: what a business reads, written in a small language and computed from stored tables.

`model` is the language, `report` what an entry means, `compute` carries it out; `built_in.yaml` has the reports that
ship. Nothing here knows Dagster. docs/reports.md explains the language.
"""
