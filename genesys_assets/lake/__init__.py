"""Where pages, tables and reports live.

`store` knows places (local disk or S3), `lake` knows what lies where, `versions` what changed between two readings,
`job_book` which details jobs are under way, `io_manager` hands tables to downstream assets. How reports leave the house
is in `publishing`.
"""
