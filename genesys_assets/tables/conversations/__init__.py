"""Conversations: details pages to flat tables.

`model` every documented field, `flat_tables` the tables
`decode` pages to nested data: `decode_arrow` fast, `decode_values` tolerant; `nested` its types
`merge` many pages to the newest form of each conversation; `forms` holds these, and what older forms add
`explode` nested data to tables
`day` all of these steps for one day
`session_facts` facts of sessions, `legs` interaction legs made of them
`contacts` conversations that a customer began
`open` the register of conversations in progress
"""
