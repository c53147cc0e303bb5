"""What an entry of reports.yaml means. `language` says how it is written, `engine` computes it.

`entries` reads entries and compiles each once; `standalone` is an entry outside reports.yaml
`report` a whole entry: it puts together the parts below
`aggregates_part`, `details_part` where figures come from; `figures` what they are; `values` what they are compared with
`columns` which columns are shown; `having` which rows; `period_before` what stands beside them for comparison
`questions` what the platform must be asked; `additive` which columns add up
"""
