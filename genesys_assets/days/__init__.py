"""Days, and which stored page says what of a day. Nothing here knows Dagster; the assets are in `assets`.

`sources` the stored pages that a day's tables are made of, and how far they reach
`data_lake` files of the data lake extraction: which of them concern a day, and the conversations made of them
`users` stored pages of agents' status, `data_lake_status` files of it; `waits` what waits in queues are made of
`families` which families of aggregates the stored hours have answers of
`completeness` how much of a day was read, and when a new reading is refused
`day_tables` writes a day's tables, all of them or what further hours bring
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
