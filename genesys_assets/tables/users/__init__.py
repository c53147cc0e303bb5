"""Agents' presence and routing status over time.

`spans` pages of users' details to spans, and the tables of spans
`time` spans cut at quarters of hours
`waits` waits in queues, and which agents were idle during them
"""
