"""Speaks HTTP to Genesys Cloud API v2 and hands back pages: the bytes the API said, unchanged.

Here belong regions, login, pacing, retries, errors, queries and one module per family of endpoints. What the
bytes mean is read in `tables`; where they are kept is decided in `lake`. Nothing here imports Dagster or
Arrow.
"""
