"""Pages to tables: pure functions on Arrow data.

Nothing here speaks HTTP, touches a disk or knows Dagster. What a table contains is declared where it is filled.
"""
