"""The queries of analytics. `http` sends the requests.

`families` the families of aggregates; `family_names` their metrics and dimensions, `catalogue` those of conversations
`values` the values that dimensions and fields have
`interval`, `filters`, `queries` the queries, checked before they are sent
`aggregates` sends one query, `aggregate_windows` fetches many partitions by few queries
`details` reads conversations by the details query, `details_paging` its pages, `conversations` one page
`fetch_progress` records how complete such a fetch is
`user_details` agents' presence and routing status
`live` what is going on now
"""
