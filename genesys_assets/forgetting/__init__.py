"""Forgets people: takes them out of everything that is stored and published. `privacy` decides what is stored of
people.

`lakewide` does all of it
`work` what is looked for, and what was done
`traces` names and numbers that are looked for beside ids, gathered before anything is rewritten
`rewriting` one partition; `old_files` older versions and leftovers of killed runs
`logs` statistics in the logs of tables, and notes about imported files
`recomputed` reports computed again, `published` days published again
"""
