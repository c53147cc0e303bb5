"""The command `genesys-assets`: one module a command, put together in `app`.

Only what a terminal needs is here: options, what is printed, exit codes. The work is done in other rooms. Nothing heavy
is imported before a command runs, so that `--help` is quick.
"""
