"""How fast, how large, how close to the rate limit: figures from running the package, by `python -m benchmarks`.

Here stand measurements only, and none of them is a test: tests are in `genesys_assets_tests`.
"""
