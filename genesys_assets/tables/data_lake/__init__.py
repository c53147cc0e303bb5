"""Data lake extraction: Parquet files of flat rows to the conversations of a day.

`schemas` the known columns of each schema, and its key
`decode` one file to rows with our types
`newest` the last emission of each row
`nested` rows to conversations nested as on details pages; `conversations.explode` makes tables of them
`start_days` on which days the conversations of a file began
`spans` presence and routing status of agents

The platform documents no column. Settings can change the names assumed here; unknown columns are counted.
"""
