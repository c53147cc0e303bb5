"""Earlier work: JSON that scripts saved, turned into pages like those that are fetched.

    files    bytes of a file to JSON documents, and which files there are
    shapes   which of the known shapes a document has
    figures  the tutorials' metric names, units and numbers, as the platform's
    buckets  answers with figures, in platform or tutorial form, to platform form
    pages    conversations and figures of one file to pages by day
    into_lake  pages into the lake, file by file, and what became of each

No Dagster here. All but `into_lake` are pure. What pages become is in `tables`.
"""
