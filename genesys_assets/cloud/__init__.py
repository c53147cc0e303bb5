"""Speaks HTTP to Genesys Cloud API v2 and returns pages: the bytes of the API's answers, unchanged.

`http` one request: its URL, login, pacing and retries, and the page that it returns
`analytics` the queries of analytics, and how their answers are paged
`jobs` the same data in bulk, by jobs that the platform runs
`extraction` the platform's own Parquet files
`reference` the lists of entities that analytics refers to by id
`observations` what the platform keeps no history of: members of queues, skills of users
`api_usage` the platform's own count of requests
`preflight` checks login, permissions and visibility before the first run
`errors` one tree of exceptions

`tables` reads what the bytes mean, `lake` stores them. Nothing here imports Dagster or Arrow.
"""
