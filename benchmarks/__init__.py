"""How fast, how large, how close to the rate limit: figures from running the package, by `python -m benchmarks`.

This package only measures. Tests are in `genesys_assets_tests`.
"""
