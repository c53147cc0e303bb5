"""Simulated weeks: the whole system, from the platform's history to the published reports, at times that never were.

`calendar`   which days are simulated
`clock`      the present, which moves only when it is told to
`history`    what happens in the organisation while time goes on, and what it was like at any moment
`location`   the code location as Dagster's daemon loads it
`shortcuts`  what Dagster works out again and again though it is always the same
`databases`  Dagster's databases, opened once
`daemon`     Dagster's own scheduler, sensors, queue and monitoring, evaluated at simulated times
`dying_run`  a run in a process of its own that kills itself
`faults`     what goes wrong, and when
`storage`    a disk that fails
`own_reports` a person's own reports, as they come, change and go
`readings`   which partitions are stored, and of which moment they tell
`expected`   what reports must say, by plain Python
`judgement`  what is not as it must be
`alerts`     what the webhook gets
`efficiency` what was done more often than there was reason to
`month`      days one after another
`weeks`      many of them
"""
