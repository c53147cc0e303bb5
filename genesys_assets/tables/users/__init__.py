"""What agents are: their presence and their routing status over time.

`spans` pages of users' details to spans, and the tables of spans
`time` spans cut into quarters of hours
`waits` waits in queues, and which agents were idle meanwhile
"""
