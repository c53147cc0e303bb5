"""What an entry of reports.yaml means. `language` says how it is written, `engine` computes it.

`entries` reads entries and compiles each once; `standalone` one outside reports.yaml
`report` a whole entry: it puts together the parts below
`aggregates_part`, `details_part` where figures come from; `figures` what they are; `values` what they are compared with
`columns` which columns are shown; `having` which rows; `period_before` the columns compared with the period before
`questions` the queries that reports need of the platform
`additive` which columns add up; `lineage` from which stored columns each report column comes
"""
