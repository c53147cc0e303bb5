"""Answers of aggregates queries.

`buckets` the table: interval x group x metric
`decode_arrow` reads answers fast, `decode_values` those that it refuses
`question` the question behind a stored answer, as tables name it
"""
