"""What people may write into reports.yaml: each file gives its reports, or is refused with a message for people.

`cases`      files, one kind each, and what is said of them
`formulas`   formulas, likewise
"""
