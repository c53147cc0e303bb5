"""The app of Celery's workers. Start one in this folder by `celery -A worker worker --concurrency 2 --queues dagster`.
It needs DAGSTER_HOME and DAGSTER_CELERY_BROKER, in the environment or in .env beside this file.

This module says what happens to a task whose worker is lost; dagster.yaml beside it says how runs are launched.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from dotenv import load_dotenv

# .env overrides the environment, as in Dagster's own commands.
load_dotenv(Path(__file__).with_name(".env"), override=True)

VISIBILITY_TIMEOUT_SECONDS = 18_000
"""After this time Redis hands out an unacknowledged task again. It is longer than any run: see dagster.yaml."""

app = make_app(
    {
        "broker": os.environ["DAGSTER_CELERY_BROKER"],
        "backend": os.environ["DAGSTER_CELERY_BROKER"],
        "config_source": {
            # A task is acknowledged when it has ended. If its process is killed, another worker gets the task. A run
            # that had not begun begins there. A run that had begun is left alone by Dagster; run_monitoring finds that
            # no worker works on it, fails it, and tries it once more.
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
