"""Data lake extraction: Parquet files to which the platform exports its analytics.

`listing` lists the files, and the schemas that are switched on
`downloads` downloads files by signed URLs

`tables` reads the files; `assets` know which ones are stored already.
"""
