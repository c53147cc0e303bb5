"""Dagster components: what another project's `defs.yaml` can name.

`pipeline` GenesysCloud, the whole pipeline; `report` GenesysReport, a report of somebody's own; `attributes` what both
need to read what stands there, and to say what is wrong with it
"""
