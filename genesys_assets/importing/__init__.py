"""Imports JSON that scripts saved: turns it into pages like fetched ones.

    files          which files there are, and their bytes
    documents      bytes to JSON documents, piece by piece
    shapes         which of the known shapes a document has
    times          instants in every spelling
    conversations  conversations as tools write them, to platform form
    figures        the tutorials' metric names, units and numbers, as the platform's
    groups         which group figures belong to: dimensions among fields
    buckets        answers with figures, in platform or tutorial form, to platform form
    remarks        what was read under another name, and what was left out
    spool          what was read and is not in the lake yet, on the disk
    pages          conversations and figures of one file to pages by day
    into_lake      pages into the lake, file by file, and what became of each
    take_back      pages of files out of the lake again
    summary        what is said before and after an import

No Dagster here. `files`, `spool`, `pages`, `into_lake` and `take_back` read or write files; the others are pure. What
pages become is in `tables`.
"""
