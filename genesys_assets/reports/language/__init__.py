"""What an entry of reports.yaml may say. `meaning` says what it means. Nothing here imports `meaning` or `engine`.

`model` the words, as strict mappings (`strict_model`); `measures` what is done with columns, `longer` several days
`sources` the tables that can be counted, `statistics` what a metric has
`conditions`, `formulas` the two small grammars
`file` YAML with line numbers, `as_written` its numbers; `problems` collects what is wrong
`schema` the JSON Schema for editors
"""
