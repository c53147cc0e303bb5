"""Computes reports: `compute` carries one out, `shown` derives its columns from the figures, `stored`
reads what is there of a day, `asking` filters rows.

`made_of` is what a report of a day was made of, as one number.
"""
