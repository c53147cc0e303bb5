"""Thin Dagster assets by layer: reference, pages, tables, reports, live, published.

An asset reads, calls one pure function or fetch, writes, and says what happened. What tables contain is in `tables`,
what the API says in `cloud`.
"""
