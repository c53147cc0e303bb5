"""Computes reports.

`compute` computes a report: gathers parts, sums them, derives columns
`output_columns` derives columns from figures; selects and orders the rows that are shown
`stored` reads the stored tables of a day or period, in pieces
`row_filter` evaluates a condition on stored rows
`contacts` the table of contacts, with earlier and later contacts of the same customer
`attributes` participant attributes as typed columns
`queue_settings` the settings of queues
`made_of` a number that identifies what a report was computed from
"""
