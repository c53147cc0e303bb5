"""What is asked of analytics. How a request is sent is in `http`.

`families` what the platform counts, with the names of metrics and dimensions (`family_names`, of conversations
`catalogue`); `values` the names of values; `interval`, `filters`, `queries` the questions, checked before they are
asked; `aggregates` and `aggregate_windows` ask for figures, `details`, `details_paging` and `conversations` for
conversations, `user_details` for agents' status, `live` for what is going on now; `reading` measures how complete a
reading of conversations is.
"""
