"""From stored pages to the tables of a day. Nothing here imports Dagster; the assets are in `assets`.

`sources` the stored pages from which a day's tables are made, and how far they reach
`data_lake` files of the data lake extraction: which of them concern a day, and the conversations made of them
`users` stored pages of agents' status, `data_lake_status` files with it; `waits` the inputs of waits in queues
`observed` which tables of observations await being made of stored pages
`families` which families of aggregates the stored hours have answers of
`completeness` how much of a day was read, and when a new reading is refused
`day_tables` writes a day's tables, completely or only the rows of further hours
`made_of` one number that identifies the sources of a day's table
`verdicts` the results of a day's checks
`ledgered` the tables whose readings are in the ledger of restatements
`limits` how late hours and days may become known
"""

from genesys_assets.spans import (
    DAY,
    HOUR,
    LONGEST_OPEN_DAYS,
    Window,
    days_around,
    hours_of,
    utc_day,
    utc_hour,
)

__all__ = ["DAY", "HOUR", "LONGEST_OPEN_DAYS", "Window", "days_around", "hours_of", "utc_day", "utc_hour"]
