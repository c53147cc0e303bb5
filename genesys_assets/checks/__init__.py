"""Asset checks. The audit of rows before a commit is in `lake.audit`.

`table_checks` what must hold of every table, from its TableSpec; `completeness` as many conversations as the platform
says; `reconciliation` and `reconciled_day` sessions, hours and days give the same figures; `abandons` every abandoned
interaction is in the legs; `data_lake` its files against details; `api_budget` the share of the allowed requests that
runs use; `checked_tables` which checks give a verdict on the rows of a day, and which tables they read.
"""
