-- One row per UTC day, queue and media type: what came, what was answered and how long handling took on average.
with figures as (
    select
        "date" as day,
        queue_id,
        media_type,
        sum("count") filter (where metric = 'tAnswered') as answered,
        sum("count") filter (where metric = 'tAbandon') as abandoned,
        sum("count") filter (where metric = 'tHandle') as handled,
        sum("sum") filter (where metric = 'tHandle') as handle_ms
    from {{ source('genesys', 'interval_metrics') }}
    where "grouping" = 'mediaType,queueId' and "selection" = '' and "view" = '' and queue_id is not null
    group by all
),

names as (
    select id, name from {{ source('genesys', 'queues_history') }} where valid_to is null
)

select
    figures.day,
    figures.queue_id,
    coalesce(names.name, figures.queue_id) as queue_name,
    figures.media_type,
    figures.answered,
    figures.abandoned,
    figures.handled,
    figures.handle_ms / nullif(figures.handled, 0) / 1000.0 as average_handle_seconds
from figures
left join names on names.id = figures.queue_id
