"""Speaks HTTP to Genesys Cloud API v2 and hands back pages: the bytes the API said, unchanged.

`http` one request: where it goes, who asks, how fast, when it is retried, and the page that comes back
`analytics` what is asked of analytics, and how its answers continue
`jobs` the same in bulk, by jobs that the platform carries out
`extraction` the platform's own Parquet files
`reference` the lists of things that analytics names by id
`observations` what the platform knows of now alone: members of queues, skills of users
`api_usage` the platform's own count of requests
`preflight` what can be known before the first run
`errors` everything that can go wrong, as one tree of exceptions

What the bytes mean is read in `tables`; where they are kept is decided in `lake`. Nothing here imports Dagster or
Arrow.
"""
