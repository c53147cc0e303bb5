"""Pages to tables: pure functions on Arrow data.

`conversations` what a conversation becomes: the flat tables of the model, legs, the register of open ones
`metrics` answers of aggregates queries as buckets
`users` presence and routing status of agents
`data_lake` rows of the platform's own Parquet files
`entities`, `names`, `service_levels` reference listings, as they are now and over time; `observations` memberships and
skills by day; `snapshots` live answers
`spec` what a table is; `personal` which columns hold personal data; `sources` where a row comes from
`aggregate`, `hashing`, `narrow_json` tools on Arrow data; `stored_answers` reads stored JSON strictly
`reconcile` compares two ways to a figure; `restatements` the ledger of what readings changed
`api_requests` and `api_usage` what requests cost

Nothing here speaks HTTP, touches a disk or knows Dagster. What a table contains is declared where it is filled.
"""
