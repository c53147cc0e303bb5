"""What an entry of reports.yaml may say. `meaning` says what it means. Nothing here imports `meaning` or `engine`.

`model` all fields of an entry, as strict mappings (`strict_model`)
`measures` what can be counted of columns; `longer` reports about several days
`sources` the tables that can be counted; `statistics` the statistics of a metric
`conditions`, `formulas` the two small grammars
`file` YAML with line numbers, `written_number` its numbers
`problems` collects mistakes; `remaining` is an entry without those that have been found
`schema` the JSON Schema for editors
"""
