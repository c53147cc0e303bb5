"""Data lake extraction: Parquet files of flat rows to the conversations of a day.

`schemas` the known columns of each schema, and which of them make its key
`decode` one file to rows with our types
`newest` the last emission of each row
`nested` rows to conversations as details have them; `conversations.explode` makes tables of these
`start_days` on which days the conversations of a file began
`spans` presence and routing status of agents

The platform documents no column. What is assumed here can be changed by settings; what is not known is counted.
"""
