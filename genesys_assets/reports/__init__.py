"""Reports: what a business reads, written in a small language and computed from stored tables.

`language` defines what an entry may say, and collects all mistakes of an entry
`meaning` what an entry means: its parts, columns, questions to the platform, the table it makes
`engine` computes a report from what is stored
`built_in` the built-in reports (built_in.yaml, day_page.yaml, operating.yaml); `custom` reads those of the reports file
`stored_definitions` keeps the definition of each report in the lake; `ids` finds the ids of a name

Nothing here knows Dagster. docs/reports.md explains the language.
"""
