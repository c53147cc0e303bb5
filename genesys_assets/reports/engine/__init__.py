"""Computes reports.

`compute` carries a report out: gathers parts, sums them, derives columns
`shown` derives columns from figures; says which rows are shown, in which order
`stored` the stored tables of a day or period, in pieces
`row_filter` evaluates a condition on stored rows
`contacts` the table of contacts, and what came before and after them
`attributes` participant attributes as typed columns
`queue_settings` the settings of queues
`made_of` a number that identifies what a report was computed from
"""
