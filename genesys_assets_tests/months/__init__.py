"""Simulated weeks: the whole system, from the platform's history to the published reports, at simulated times.

`calendar`   which days are simulated
`clock`      the simulated present, which only the simulation moves
`history`    events in the organisation, and its state at any moment
`location`   the code location as Dagster's daemon loads it
`shortcuts`  results that Dagster computes again and again, computed once
`databases`  Dagster's databases, opened once
`daemon`     Dagster's own scheduler, sensors, queue and monitoring, evaluated at simulated times
`dying_run`  a run in a process of its own that kills itself
`nursery`    a process that forks for such runs
`faults`     what goes wrong, and when
`storage`    a disk that fails
`own_reports` custom reports that are added, changed and removed
`readings`   which partitions are stored, and as of which moment
`expected`   the expected rows of reports, by plain Python
`judgement`  violations of what must hold
`alerts`     the alerts that the webhook gets
`efficiency` work that was done more often than necessary
`month`      the simulation of one month
`weeks`      many simulations
"""
