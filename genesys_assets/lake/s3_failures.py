"""What a failure of S3 means: whether it is temporary, and whether it is about a file or about the bucket.

Pure functions of the errors of boto3. `s3_store` acts on them.
"""

from __future__ import annotations

from typing import Any

_TEMPORARY = (429, 500, 502, 503, 504)
"""HTTP statuses that are worth a retry."""
_TEMPORARY_CODES = ("RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted")
"""Error codes of S3 that are worth a retry, whatever the status.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
TAKEN = (409, 412)
"""Statuses of a conditional write where somebody else was faster."""
NO_CONDITIONS = "NotImplemented"
"""The error code of servers without conditional writes, such as Swift."""
ABOUT_ONE_FILE = (404, *TAKEN)
"""Statuses that are about one file, and say nothing about the bucket."""
_CODES_OF_404 = ("NoSuchKey", "NoSuchUpload", "NoSuchBucket")


class WrongSize(Exception):
    """S3 sent another number of bytes than the file has."""


def is_temporary(error: BaseException) -> bool:
    """Whether a failure of S3 passes by itself, so that a retry makes sense."""
    from botocore.exceptions import FlexibleChecksumError, HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError

    if is_endless_redirect(error):
        return False
    if status_of(error):
        temporary = status_of(error) in _TEMPORARY or code_of(error) in _TEMPORARY_CODES
        return temporary or is_404_of_something_else(error)
    kinds = HTTPClientError | IncompleteReadError | FlexibleChecksumError | ResponseParserError
    return isinstance(error, kinds | WrongSize | ConnectionError | TimeoutError)


def is_temporary_once_reached(error: BaseException) -> bool:
    """As `is_temporary`, for an endpoint that has answered before: then refused connections are temporary too. At
    first contact they may mean that the endpoint is wrong.
    """
    from botocore.exceptions import ConnectionError as NoConnection

    return is_temporary(error) or isinstance(error, NoConnection)


def is_endless_redirect(error: BaseException) -> bool:
    """Whether each answer redirects to another region, which boto3 follows until Python's stack is full. Where that
    happens within its HTTP client, it hides the RecursionError in an error of its own.
    """
    from botocore.exceptions import HTTPClientError

    within = error.kwargs.get("error") if isinstance(error, HTTPClientError) else None
    return isinstance(error, RecursionError) or isinstance(within, RecursionError)


def is_404_of_something_else(error: BaseException) -> bool:
    """Whether the error is a 404 without a code of S3: a proxy or a wrong endpoint answered. False for HEAD requests,
    whose answers have no body and so no code.
    """
    of_head = str(getattr(error, "operation_name", "")).startswith("Head")
    return status_of(error) == 404 and not of_head and code_of(error) not in _CODES_OF_404


def status_of(error: BaseException) -> int:
    """The HTTP status of the answer; 0 if there was no answer."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: BaseException) -> str:
    """The error code of S3, as `NoSuchKey`; empty if there is none."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def _answer(error: BaseException) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    return error.response if isinstance(error, ClientError) else {}
