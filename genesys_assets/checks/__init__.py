"""Asset checks. What an audit looks at before a commit is in `lake.audit`.

`table_checks` what must hold of every table, from its TableSpec; `completeness` as many conversations as the platform
says; `reconciliation` and `reconciled_day` sessions, hours and days give the same figures; `abandons` every abandoned
interaction is in the legs; `data_lake` its files against details; `api_budget` what runs ask of the platform;
`looked_at` which checks there are of a day's rows, and whose rows they look at.
"""
