"""Tests of `genesys_assets.cloud`, against a real HTTP server on loopback that says what each test wants."""
