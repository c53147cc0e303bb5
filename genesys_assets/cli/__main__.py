"""`python -m genesys_assets.cli`: the command `genesys-assets` where it is not installed."""

from genesys_assets.cli.app import main

main()
