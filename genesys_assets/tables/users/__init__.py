"""What agents are: their presence and their routing status over time.

`spans` pages of users' details to spans, and the tables of spans; `time` cuts spans into quarters of hours; `waits`
puts waits in queues beside who was idle meanwhile.
"""
