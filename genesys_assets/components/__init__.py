"""Dagster components: what another project's `defs.yaml` can name.

`pipeline` GenesysCloud, the whole pipeline; `report` GenesysReport, a custom report; `attributes` reads attributes,
and reports mistakes in them
"""
