"""What a failure of S3 means: whether it passes by itself, and what it says of a file or of the bucket.

Pure functions of the errors of boto3; what is done about them is in `store`.
"""

from __future__ import annotations

from typing import Any

_PASSING = (429, 500, 502, 503, 504)
"""Statuses of HTTP that pass by themselves."""
_PASSING_CODES = ("RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted")
"""Codes of S3 for failures that pass by themselves, with any status.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
TAKEN = (409, 412)
"""Statuses of a conditional write where somebody else was faster."""
ABOUT_ONE_FILE = (404, *TAKEN)
"""Statuses that say something of a file, and nothing of the bucket."""
_CODES_OF_404 = ("NoSuchKey", "NoSuchUpload", "NoSuchBucket")


class WrongSize(Exception):
    """S3 sent another number of bytes than the file has."""


def passes(error: BaseException) -> bool:
    """Whether a failure of S3 is one that passes."""
    from botocore.exceptions import FlexibleChecksumError, HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError

    if status_of(error):
        passing = status_of(error) in _PASSING or code_of(error) in _PASSING_CODES
        return passing or is_404_of_something_else(error)
    kinds = HTTPClientError | IncompleteReadError | FlexibleChecksumError | ResponseParserError
    return isinstance(error, kinds | WrongSize | ConnectionError | TimeoutError)


def passes_once_reached(error: BaseException) -> bool:
    """If nothing listens, the endpoint may be wrong; but not once it has answered."""
    from botocore.exceptions import ConnectionError as NoConnection

    return passes(error) or isinstance(error, NoConnection)


def is_404_of_something_else(error: BaseException) -> bool:
    """Whether a 404 is neither NoSuchKey nor NoSuchBucket: of a proxy or a wrong endpoint. False for HEAD: it has no
    body.
    """
    of_head = str(getattr(error, "operation_name", "")).startswith("Head")
    return status_of(error) == 404 and not of_head and code_of(error) not in _CODES_OF_404


def status_of(error: BaseException) -> int:
    """The status that S3 answered, 0 where it did not answer."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: BaseException) -> str:
    return str(_answer(error).get("Error", {}).get("Code", ""))


def _answer(error: BaseException) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    return error.response if isinstance(error, ClientError) else {}
