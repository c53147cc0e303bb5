"""Pages to tables: pure functions on Arrow data.

`conversations` details pages to flat tables, interaction legs and the register of open conversations
`metrics` answers of aggregates queries to buckets
`users` presence and routing status of agents
`data_lake` rows of the platform's own Parquet files
`entities`, `names`, `service_levels` reference listings, as of now and over time; `observations` memberships and skills
by day; `snapshots` live answers
`spec` declares tables; `personal` says which columns hold personal data; `sources` where rows come from
`aggregate`, `hashing`, `narrow_json` tools on Arrow data; `stored_answers` reads stored JSON strictly
`reconcile` compares figures of two sources; `restatements` the ledger of what readings changed
`api_requests` and `api_usage` what requests cost

Nothing here speaks HTTP, opens files or imports Dagster; `reconcile` scans datasets that its callers opened. A table is
declared in the module that fills it.
"""
