"""Thin Dagster assets by layer.

    reference    `reference` listings and names over time, `observations` members and skills by day, `api_usage`
    pages        `aggregates` (`aggregates_fetcher`), `pages` hourly details, `daily_details`, `users`, `lake_files`,
                 `importing` imported pages
    tables       `tables`, `families`, `users`, `queue_waits`, `open_conversations`, `restatements`, `request_table`
    reports      `reports` (`charts`)
    published    `published` (`failed_reports`), `published_index`
    live         `live`
    ops          `preflight`, `housekeeping`, `superseded`, `reports_file`, `importing` ops/import

`common` is what all share. An asset reads, calls one pure function or fetch, writes, and reports the result to Dagster.
`tables` knows what tables contain, `cloud` how the API is called.
"""
