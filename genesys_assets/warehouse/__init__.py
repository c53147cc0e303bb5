"""The lake for other engines: SQL that registers its tables with a warehouse, generated from the TableSpecs. No
Dagster.

`tables` every table of the lake, with its name in a warehouse
`statements` SQL for Athena, Trino, Snowflake and Databricks; `dbt` a sources.yml

A Delta table declares its own columns, so the SQL does not repeat them. Nothing here changes the lake: a comment on a
table of Trino or Databricks would be a commit, so their SQL has none.
"""
