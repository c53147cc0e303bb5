"""A machine may die at any place of a run. The next run leaves the lake, the ledger and Dagster's knowledge as though
the machine had not died.

    process   a Dagster run in a process of its own, which kills itself at a chosen place
    places    the runs, and the places where each of them dies
    lakes     lakes in which a run died, and lakes in which runs did the same without dying
    commits   the log of a table, read without the package
    truths    what must be true of a lake after a kill

`make test` tries a few representative places; KILL_PLACES=all tries each, which takes a quarter of an hour on one core.
"""
