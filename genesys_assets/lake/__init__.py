"""Where pages, tables and reports are stored: one Delta Lake table for each. `publishing` takes reports
out of the lake.

`opening` finds the lake of the settings, `lake` is what others use, `store` knows files, on a disk or in `s3_store`
on S3 (`s3_failures`: what a failure of S3 means), `delta` knows the log of a table (`log_entry`, `log_files`,
`log_mirror`), `commit` decides what replaces what, `files` writes and reads data files (`column_types`, `frames`,
`retyping`), `audit` looks at rows before they are committed, `changes` and `ledger` tell what readings changed,
`reach` how far a partition is known, `job_book` which details jobs are under way, `request_log` what runs asked the
platform, `io_manager` hands tables to downstream assets, `housekeeping` removes what is no longer needed, `preflight`
looks whether the lake can be written.
"""
