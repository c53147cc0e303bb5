"""The code location: the assets, and the resources that read and write the same lake as genesys_assets.

It needs the settings of genesys_assets, from the same environment variables, and no others.
"""

import dagster as dg
from dagster_aws.s3 import S3Resource

from downstream.assets import AGENT_DAILY, PUBLISHED, QUEUE_MEDIA, bonus_points, day_is_out, weekly_service_level
from genesys_assets.lake.io_manager import LakeIOManager
from genesys_assets.resources import LakeResource, PublishingResource


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(
        assets=[AGENT_DAILY, QUEUE_MEDIA, PUBLISHED, bonus_points, weekly_service_level, day_is_out],
        sensors=[dg.AutomationConditionSensorDefinition("when_published", target=[day_is_out])],
        resources={
            "io_manager": LakeIOManager(),
            "lake": LakeResource(),
            "publishing": PublishingResource(),
            "s3": S3Resource(),
        },
        executor=dg.in_process_executor,
    )
