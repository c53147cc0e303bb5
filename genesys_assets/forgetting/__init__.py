"""Forgets people: removes them from everything that is stored and published. `privacy` decides what is stored of people
in the first place.

`lakewide` runs all steps
`work` what to search, and what was done
`traces` gathers the names and numbers to search besides ids, before anything is rewritten
`rewriting` rewrites one partition; `old_files` removes older versions and leftovers of killed runs
`logs` cleans statistics in the logs of tables, records of imported files, and stored definitions of reports
`recomputed` computes reports again; `published` publishes days again
"""
