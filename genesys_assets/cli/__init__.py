"""The command `genesys-assets`, put together in `app`. One module per command; `importing` has import and take-back,
`time_limit` and `terminal` are helpers.

Only what a terminal needs is here: options, what is printed, exit codes. The work is done in other packages. Nothing
heavy is imported before a command runs, so that `--help` is quick.
"""
