"""Pages of docs that are made from the code: `make docs` writes them, and `make lint` fails where one is stale.

`tables_page` every table and column, from the TableSpecs
`settings_page` every setting, from the settings classes
"""
