"""A local Genesys Cloud organisation: invented queues, people and conversations behind a real HTTP server.

Here belongs everything that stands in for the platform: the organisation, its answers and its refusals. It
judges the rest of the package, so it imports none of it. Start one with
`genesys_assets.sandbox.server.running` or `python -m genesys_assets.sandbox`.
"""
