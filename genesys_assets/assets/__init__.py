"""Thin Dagster assets by layer.

    reference    `reference` listings and names over time, `observations` members and skills by day, `api_usage`
    pages        `aggregates` (`asked_aggregates`), `pages` hourly details, `daily_details`, `users`, `lake_files`,
                 `importing` what was saved
    tables       `tables`, `families`, `users`, `queue_waits`, `open_conversations`, `restatements`, `request_table`
    reports      `reports` (`charts`), `reports_file`
    published    `published` (`failed_reports`), `published_index`
    live         `live`
    ops          `preflight`, `housekeeping`, `superseded`

`common` is what all share. An asset reads, calls one pure function or fetch, writes, and says what happened. What
tables contain is in `tables`, what the API says in `cloud`.
"""
