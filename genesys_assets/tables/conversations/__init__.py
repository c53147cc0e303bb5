"""Conversations: pages of details to flat tables.

`model` every field and table; `decode` (`decode_arrow` fast, `decode_values` tolerant) pages to nested data, `nested`
its types, `merge` and `forms` many pages to the newest form of each conversation, `explode` nested data to tables,
`day` all of this for one day. `session_facts` and `legs` make interaction legs, `open` is the register of
conversations in progress.
"""
