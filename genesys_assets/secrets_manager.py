"""Secrets in AWS Secrets Manager: a setting holds their name instead of their value.

`secretsmanager:NAME`, or `secretsmanager:NAME#KEY` where the secret is a JSON object. A secret is read each time it is
needed and never kept, so a rotated one is used at once. If no setting names a secret, no AWS library is loaded.
"""

from __future__ import annotations

import json

from pydantic import SecretStr

from genesys_assets.unlogged import CONTENTS, unlogged

PREFIX = "secretsmanager:"
_SECONDS = 5
"""How long a connection or an answer is awaited: secrets are read in a sensor's tick, which Dagster ends after 60 s."""
_ATTEMPTS = 3
_HOW = f"Write {PREFIX}NAME, or {PREFIX}NAME#KEY for one value of a JSON object."


class SecretNotRead(ValueError):
    """AWS Secrets Manager did not return the secret. The message names setting and secret, never the value."""


def is_name(setting: SecretStr) -> bool:
    """Whether the setting holds the name of a secret instead of the secret."""
    return setting.get_secret_value().startswith(PREFIX)


def reveal(setting: SecretStr, variable: str) -> str:
    """The secret itself, read from AWS Secrets Manager if the setting names one there. `variable` is the setting's
    name, for messages. Raises SecretNotRead.
    """
    value = setting.get_secret_value()
    if not value.startswith(PREFIX):
        return value
    name, _, key = value.removeprefix(PREFIX).partition("#")
    if not name:
        raise SecretNotRead(f"{variable} names no secret of AWS Secrets Manager. {_HOW}")
    where = f"{variable} names the secret {name!r} of AWS Secrets Manager"
    secret = _read(name, where)
    return secret if not key else value_in(secret, key, where)


def _read(name: str, where: str) -> str:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    limits = Config(
        connect_timeout=_SECONDS,
        read_timeout=_SECONDS,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    )
    try:
        with unlogged(CONTENTS):
            # Region, credentials and endpoint come from the AWS environment, as for S3.
            answer = boto3.client("secretsmanager", config=limits).get_secret_value(SecretId=name)
    except ClientError as error:
        problem = str(error.response.get("Error", {}).get("Code") or type(error).__name__)
    except (BotoCoreError, ValueError) as error:
        # boto3 raises ValueError for an endpoint that is not a URL.
        problem = type(error).__name__
    else:
        secret = answer.get("SecretString")
        if _is_text(secret):
            return str(secret)
        raise SecretNotRead(f"{where}, but that secret holds no text. Store it as text or as a JSON object.")
    raise SecretNotRead(
        f"{where}, but that secret cannot be read ({problem}). Allow secretsmanager:GetSecretValue on it, and check"
        " AWS_DEFAULT_REGION and the AWS credentials."
    )


def value_in(secret: str, key: str, where: str) -> str:
    """The text under a key of a secret that is a JSON object. Raises SecretNotRead, which shows none of the secret."""
    try:
        values = json.loads(secret)
    except (ValueError, RecursionError):
        values = None
    value = values.get(key) if isinstance(values, dict) else None
    if _is_text(value):
        return str(value)
    # Not raised within the except: the JSON error holds the secret and would appear in the traceback.
    raise SecretNotRead(f"{where}, but that secret is no JSON object with a text under {key!r}. {_HOW}")


def _is_text(value: object) -> bool:
    """Whether a value is a non-empty text that can be sent: a lone surrogate, which JSON can hold, cannot."""
    return isinstance(value, str) and bool(value) and not any("\ud800" <= char <= "\udfff" for char in value)
