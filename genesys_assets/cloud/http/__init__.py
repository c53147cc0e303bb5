"""One request to Genesys Cloud and its answer. The other packages of `cloud` decide what is requested.

`transport` puts the parts together: the client, through which every request goes
`oauth` logs in, `regions` knows the hosts, `urls` to which URLs secrets may be sent
`pacing` keeps below the rate limit, `circuit` stops requests during an outage
`exchange` sends and receives, within `limits` and a `deadline`; `unpacking` unpacks gzip
`answers` turns an answer into a page or an error, `retry` decides which errors are retried
`parsing` parses JSON, numbers and dates of other machines
`page` one answer, `paging` requests all pages of a query
`in_flight` limits the memory of answers that threads read ahead
`usage` counts requests, `request_log` records what each request cost
"""
