"""Where pages, tables and reports live, and how reports leave the house.

`store` knows places (local disk or S3), `lake` knows what lies where, `io_manager` hands it to downstream assets,
`publishing` puts reports on S3.
"""
