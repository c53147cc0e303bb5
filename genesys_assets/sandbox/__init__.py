"""A local Genesys Cloud organisation: invented queues, people and conversations behind a real HTTP server.

    the organisation   `organisation` has the `directory` (`directory_changes`, `surroundings`, `memberships`) and all
                       conversations, generated from a seed: `arrivals` when they begin, `stories` what happens in them,
                       `service` in queues, `legs` participants, `external_contacts` known customers, `draws` random
                       durations, names and numbers, `attributes` of participants
    its history        `past` what was known at an instant, `history` changes by tests, `reopening` of conversations
    its agents         `shifts` and `timelines`: presence and routing status
    its figures        `facts` of sessions, `happenings` what other families of aggregates count
    its answers        `endpoints` lists them: `details` (`selection`, `filters`), `jobs`, `aggregates` (`families`),
                       `user_status`, `live`, `reference`, `extraction` (`extraction_rows`), `usage`
    its HTTP           `application` handles every request: `access`, `behaviour`, `validation` (`vocabulary`),
                       `refusals`; `times`
    running it         `server` (`processes`), `object_store` an S3 server beside it (`swift_settings`,
                       `anonymous_reads`), `demo`, `dev`

Tests check the rest of the package against it, so it imports none of that; only `demo` does. Start one with
`genesys_assets.sandbox.server.running` or `python -m genesys_assets.sandbox`.
"""
