"""Imports JSON that scripts saved: turns it into pages like fetched ones.

    files          finds files and reads their bytes
    documents      parses JSON documents piece by piece
    not_json       says what a text is that is not JSON, and how to save it as JSON
    envelopes      says what the fields beside the objects of an answer mean
    no_answer      says what a document of JSON is that holds no answer
    shapes         recognises the shape of a document
    times          parses instants in every spelling
    conversations  converts conversations that tools rewrote to the platform's form
    spelling       converts names, numbers, ids and lists from the spelling of tools to the platform's
    figures        converts the tutorials' metric names, units and numbers to the platform's
    groups         finds the group of figures: dimensions among fields
    buckets        converts answers with figures to the platform's form
    remarks        collects what was read under another name, and what was left out
    spool          holds what was read and is not in the lake yet, on disk
    imported_page  what identifies an imported page: its asset and day, and the file that it comes from
    pages          makes pages by day of the conversations and figures of one file
    forms          compares forms of one conversation, and finds those that were saved in parts
    totals         finds out whether pages of an answer are missing
    start_days     leaves out conversations that another imported file has on another day
    versions       leaves out versions of a conversation that are parts of it
    start_index    finds the days on which a conversation is stored, without reading their pages
    overlaps       leaves out figures whose buckets overlap those that came first
    partitions     replaces stored partitions of imported pages
    result         what became of the files, and whether they can hold everything
    into_lake      writes pages to the lake, file by file
    records        the record of each imported file: its outcome, and the partitions that it has pages in
    take_back      removes the pages of files from the lake again
    summary        parses options, and writes the outcomes of an import as text

No Dagster here. `files`, `spool`, `pages`, `start_days`, `versions`, `start_index`, `overlaps`, `partitions`,
`into_lake`, `records` and `take_back` read or write files, the spool or the lake; the others are pure. `tables` makes
tables of the pages.
"""
