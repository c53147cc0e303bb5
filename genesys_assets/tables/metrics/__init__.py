"""Answers of aggregates queries: `buckets` is the table, read by `decode_arrow` (fast) or `decode_values` (any answer).

`asked` is the question behind an answer, as the table names it.
"""
