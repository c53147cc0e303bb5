"""The app of the Celery workers: `celery -A worker worker --concurrency 2 --queues dagster`, started in this folder,
with DAGSTER_HOME and DAGSTER_CELERY_BROKER set in the environment or in .env beside this file.

This module configures what happens to a task whose worker is lost; dagster.yaml beside it, how runs are launched.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from dotenv import load_dotenv

# As with Dagster's own commands, .env overrides the environment.
load_dotenv(Path(__file__).with_name(".env"), override=True)

VISIBILITY_TIMEOUT_SECONDS = 18_000
"""After this time Redis hands out a task again that no worker has acknowledged. Longer than any run: see
dagster.yaml.
"""

app = make_app(
    {
        "broker": os.environ["DAGSTER_CELERY_BROKER"],
        "backend": os.environ["DAGSTER_CELERY_BROKER"],
        "config_source": {
            # A task is acknowledged when it has ended. If its process is killed, another worker gets it. If the run of
            # the task had not begun, it begins there. If it had, Dagster leaves it alone. Then run_monitoring notices
            # that nothing works on the run, marks it as failed, and tries it once more.
            "task_acks_late": True,
            "task_reject_on_worker_lost": True,
            "worker_prefetch_multiplier": 1,
            "task_track_started": True,
            "broker_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT_SECONDS},
            # A process that ends after each run frees its memory, and the next one reads settings and reports again.
            "worker_max_tasks_per_child": 1,
            "result_expires": 172_800,
        },
    }
)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
