"""Days, and which stored page says what of a day. Nothing here knows Dagster; the assets are in `assets`.

`sources` the stored pages that a day's tables are made of, and how far they reach
`data_lake` files of the data lake extraction: which tell of a day, and its conversations made of them
`users` the same of agents' status, `data_lake_status` of its files; `waits` of waits in queues
`families` which families of aggregates the stored hours have answers of
`completeness` how much of a day was read, and when a new reading is refused
`day_tables` writing a day's tables, anew or what further hours brought
`made_of` what a table of a day was made of, as one number
`verdicts` the results of a day's checks
`ledgered` the tables whose readings the ledger has
`limits` how late a part of time may become known
"""

from genesys_assets.spans import (
    DAY,
    HOUR,
    REACH_DAYS,
    Window,
    days_around,
    hours_of,
    utc_day,
    utc_hour,
)

__all__ = ["DAY", "HOUR", "REACH_DAYS", "Window", "days_around", "hours_of", "utc_day", "utc_hour"]
