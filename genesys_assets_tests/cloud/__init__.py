"""Tests of `genesys_assets.cloud`, against a real HTTP server on loopback whose answers each test scripts."""
