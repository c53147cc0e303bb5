"""Contents of reports.yaml that people may write: each file gives its reports, or is refused with a readable message.

`cases` files, one kind each, and the expected messages
`formulas`   formulas, likewise
"""
