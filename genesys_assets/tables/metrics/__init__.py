"""Answers of aggregates queries.

`buckets` the table: interval x group x metric
`decode_arrow` decodes answers fast, `decode_values` those that it refuses
`question` the query of a stored answer, by the names that tables use
"""
