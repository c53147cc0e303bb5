"""What a failure of S3 means."""

from __future__ import annotations

import pytest
from botocore.exceptions import HTTPClientError

from genesys_assets.lake.s3_failures import is_endless_redirect, is_temporary, is_temporary_once_reached


@pytest.mark.parametrize("error", [RecursionError(), HTTPClientError(error=RecursionError())], ids=["bare", "hidden"])
def test_a_redirect_without_end_is_known_however_boto3_raises_it_and_is_not_tried_again(error: Exception) -> None:
    assert is_endless_redirect(error)
    assert not is_temporary(error)
    assert not is_temporary_once_reached(error)


def test_a_dropped_connection_is_no_redirect_and_is_tried_again() -> None:
    error = HTTPClientError(error=ConnectionResetError())
    assert not is_endless_redirect(error)
    assert is_temporary(error)
