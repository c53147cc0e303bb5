"""Runs that a dying machine ended at any place: the next run leaves the lake, the ledger and what Dagster knows as
though the machine had lived.

    process   a Dagster run in a process of its own, which kills itself at a chosen place
    places    the runs, and where each of them dies
    lakes     lakes in which a run died, and others in which the same was done by runs that lived
    commits   what the log of a table says, read without the package
    truths    what must be true of a lake after a kill

`make test` tries a few places that stand for all; KILL_PLACES=all tries each, which takes a quarter of an hour of a
core.
"""
