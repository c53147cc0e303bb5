"""A local Genesys Cloud organisation: invented queues, people and conversations behind a real HTTP server.

    the organisation   `organisation` its `directory` (`directory_changes`, `surroundings`, `memberships`) and all its
                       conversations, told from a seed: `arrivals` when they begin, `stories` what happens, `service` in
                       queues, `legs` participants, `external_contacts` which customers are known, `draws` what
                       is drawn by lot, `attributes`
    its history        `past` what was known at an instant, `history` rewritten, `reopening` of conversations
    its agents         `shifts` and `timelines`: presence and routing status
    its figures        `facts` of sessions, `happenings` of other families
    its answers        `endpoints` lists them: `details` (`selection`, `filters`), `jobs`, `aggregates` (`families`),
                       `user_status`, `live`, `reference`, `extraction` (`extraction_rows`), `usage`
    its manners        `application` what every request goes through: `access`, `behaviour`, `validation`
                       (`vocabulary`), `refusals`; `times`
    running it         `server` (`processes`), `object_store` an S3 server beside it (`swift_settings`,
                       `anonymous_reads`), `demo`, `dev`

It judges the rest of the package, so it imports none of it; only `demo` and `dev` do. Start one with
`genesys_assets.sandbox.server.running` or `python -m genesys_assets.sandbox`.
"""
