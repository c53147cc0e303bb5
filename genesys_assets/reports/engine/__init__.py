"""Computes reports: `compute` carries one out, `shown` derives its columns from the figures.

`stored` reads what is there of a day, `asking` filters rows, `contacts` makes a table of contacts and of what came
before and after them, `attributes` gives participant attributes a type, `queue_settings` looks up what is set for
queues. `made_of` is what a report of a day was made of, as one number.
"""
