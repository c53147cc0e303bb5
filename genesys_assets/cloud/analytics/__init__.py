"""What is asked of analytics. How a request is sent is in `http`.

`families` what the platform counts; `family_names` the names of metrics and dimensions, `catalogue` of conversations
`values` the values that dimensions and fields have
`interval`, `filters`, `queries` the questions, checked before they are sent
`aggregates` asks one question, `aggregate_windows` asks it of many partitions by few requests
`details` reads conversations by query, `details_paging` its pages, `conversations` one page
`fetch_progress` how complete such a fetch is
`user_details` agents' presence and routing status
`live` what is going on now
"""
