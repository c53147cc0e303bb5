"""Deployments: configuration in the folders beside, and one machine that plays a small cluster.

`services` PostgreSQL and Redis on loopback
`cluster` all of it, with two workers that share nothing else
"""
