"""Data lake extraction: Parquet files of flat rows to the conversations of a day.

`schemas` the columns that are known of each schema, what tells its rows apart, and which conversations' days count
`decode` one file to rows with our types, `newest` the last form of each row, `nested` rows to conversations as details
have them: what `conversations.explode` makes tables of. `start_days` says on which days the conversations of files
began; `spans` makes presence and routing status of agents.

The platform documents no column. What is assumed here can be changed by settings; what is not known is counted.
"""
