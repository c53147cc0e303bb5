"""Data lake extraction: Parquet files that the platform makes of its own analytics.

`listing` which files there are, and which schemas are switched on
`downloads` the bytes of files, by signed URLs

What is inside a file is read in `tables`; which files are stored already is known in `assets`.
"""
