"""Hostile input of every kind, through the real parts: each case ends in a correct table or in a named error.

`answers`        what the API, and what pretends to be the API, may answer
`report_files`   what people may write into reports.yaml
`import_files`   what people may bring to the import
`object_store`   what S3 may do
`secrets`        where no secret may ever stand

    make faults     every case; `make test` runs those that cost milliseconds
"""

import os

import pytest

EVERY_CASE = "GENESYS_ASSETS_TESTS_FAULTS" in os.environ

only_in_make_faults = pytest.mark.skipif(not EVERY_CASE, reason="costs seconds: only `make faults` runs it")
