"""S3 as a Dagster resource. Importing this module imports boto3."""

from __future__ import annotations

from typing import Any

from dagster_aws.s3 import S3Resource

from genesys_assets.settings import refuse_user_info_of_aws


class LazyS3Resource(S3Resource):
    """dagster-aws's resource, but only `get_client` makes a boto3 client. Otherwise Dagster makes a client for each
    step that names the resource: a quarter of a second of CPU, even if days are published to a folder. So
    `context.resources.s3` is this resource and not a client.
    """

    def get_client(self) -> Any:
        refuse_user_info_of_aws()
        return super().get_client()

    def get_object_to_set_on_execution_context(self) -> LazyS3Resource:
        return self
