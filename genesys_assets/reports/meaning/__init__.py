"""What an entry of reports.yaml means. `language` says how it is written, `engine` computes it.

`entries` reads the entries of reports.yaml and compiles each once; `standalone` is a report outside reports.yaml
`report` compiles a whole entry, from the parts below
`aggregates_part`, `details_part` where figures come from; `figures` what they are
`values` converts values in conditions
`columns` which columns are shown; `having` which rows; `period_before` columns compared with the period before
`questions` the queries to the platform that reports need
`additive` which columns add up; `lineage` from which stored columns each report column comes
"""
