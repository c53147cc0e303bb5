"""One request to Genesys Cloud and its answer. The neighbouring rooms know what is asked.

`transport` puts the parts together: the one way to Genesys Cloud
`oauth` logs in, `regions` knows the hosts, `urls` to which URLs secrets may be sent
`pacing` keeps below the rate limit, `circuit` stops requests during an outage
`exchange` sends and receives, within `limits` and a `deadline`; `unpacking` unpacks gzip
`answers` turns an answer into a page or an error, `retry` says which errors are worth another try
`parsing` parses what other machines write
`page` one answer, `paging` how answers continue
`in_flight` limits the memory of answers that threads read ahead
`usage` counts, `request_log` keeps what each request cost
"""
