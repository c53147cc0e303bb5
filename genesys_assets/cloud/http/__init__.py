"""One request to Genesys Cloud and its answer. The neighbouring rooms know what is asked.

`transport` puts the parts together: `oauth` logs in, `pacing` waits for its turn, `exchange` sends and receives within
`limits` and a `deadline`, `unpacking` unpacks, `in_flight` bounds what all threads hold together, `answers` turns
answers into pages or errors, `retry` tries again, `circuit` gives up for minutes, `usage` counts, `request_log` keeps
what each request cost. `regions` and `urls` say where requests may go, `page` is one answer, `paging` how answers
continue, `parsing` parses what other machines write.
"""
