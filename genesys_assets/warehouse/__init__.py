"""The lake for other engines: what registers its tables with a warehouse, generated from the TableSpecs. No Dagster.

`tables` every table of the lake, with its name in a warehouse
`statements` SQL for Athena, Trino, Snowflake and Databricks; `dbt` a sources.yml

A table in the lake says by itself which columns it has, so nothing here repeats them to an engine that reads them from
there. Nothing here changes the lake: a comment on a table of Trino or Databricks would be a commit, so there is none.
"""
