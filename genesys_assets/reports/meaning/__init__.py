"""What an entry of reports.yaml means. How it is computed is in `engine`.

`report` a whole entry; `aggregates_part` and `details_part` where its figures come from, `figures` what they are,
`columns` what is shown of them, `comparison` what they are compared with, `having` which rows are shown; `sources` the
tables that can be counted, `values`, `compared` and `statistics` the names in them; `questions` what the platform must
be asked; `additive` which columns add up; `standalone` an entry outside reports.yaml.
"""
