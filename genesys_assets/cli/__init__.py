"""The command `genesys-assets`: one module a command, put together in `app`.

Here belongs what a terminal needs: options, what is printed, exit codes. What a command does is in the room it is
about. Nothing heavy is imported before a command runs, so that `--help` is quick.
"""
