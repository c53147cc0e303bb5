"""Deployments: configuration in the folders beside this file, and a small cluster that runs on one machine.

`services` PostgreSQL and Redis on loopback
`cluster` the whole cluster, with two workers that share nothing but PostgreSQL, Redis and S3
"""
