"""What an entry of reports.yaml may say. What it means is in `meaning`.

`model` the language, of strict mappings (`forms`): `measures` what is done with columns, `longer` several days;
`conditions` and `formulas` its two small grammars; `file` reads a file of reports, `problems` collects what is wrong
with it, `schema` is the JSON Schema for editors.
"""
