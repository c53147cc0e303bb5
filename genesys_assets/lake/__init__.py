"""Where pages, tables and reports live, and how reports leave the house.

`store` knows places (local disk or S3), `lake` knows what lies where, `versions` what changed between two readings,
`job_book` which details jobs are under way, `io_manager` hands tables to downstream assets, `report_files` writes
reports as files that anyone can open, `publishing` puts them on S3.
"""
