"""One request to Genesys Cloud and its answer. What is asked belongs to the rooms beside this one.

`transport` puts the parts together: `oauth` logs in, `pacing` waits for its turn, `exchange` sends and receives
within `limits` and a `deadline`, `unpacking` unpacks, `in_flight` bounds what all threads hold together, `answers`
tells pages from errors, `retry` tries again, `circuit` gives up for minutes, `usage` counts, `request_log` keeps what
each request cost. `regions` and `addresses` say where requests may go, `page` is one answer, `paging` how answers
continue, `parsing` reads what other machines write.
"""
