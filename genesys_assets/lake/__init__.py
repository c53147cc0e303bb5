"""Where pages, tables and reports are stored: one Delta Lake table for each. Only `io_manager` knows Dagster.

`lake` is what other packages use, `writing` what they write to one partition
`opening` opens the lake of the settings; `preflight` checks that it can be written
`store` files by key on a disk, `s3_store` on S3; `s3_failures` what a failure of S3 means
`delta_state` what the log of a table says; `delta` its commits; `delta_files` its data files
`log_entry`, `log_files`, `log_mirror` how the log is kept
`commit` decides what replaces what; `retyping` gives columns another type
`writers` writes pages and tables, `files` reads them back; `parquet_files` one Parquet file
`stored_partitions`, `stored_rows` what a table has stored
`column_types` types of columns; `frames` pandas and polars frames as tables
`audit` checks rows before they are committed; `reach` how far a partition is known
`changes`, `ledger` what each reading changed; `housekeeping` removes what is no longer needed
`job_book` which details jobs are under way; `request_log` the requests of runs
`io_manager` loads tables for downstream assets, and stores what they return
"""
