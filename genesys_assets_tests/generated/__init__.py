"""Pages of docs that are generated from the code: `make docs` writes them, and `make lint` fails if one is stale.

`tables_page` every table and column, from the TableSpecs
`errors_page` every named error, from the classes, and what to do about it (`advice`)
`settings_page` every setting, from the settings classes
"""
