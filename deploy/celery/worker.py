"""The app that workers of Celery serve: `celery -A worker worker --concurrency 2 --queues dagster`, started in this
folder, with DAGSTER_HOME and DAGSTER_CELERY_BROKER set, here or in .env beside.

This module says what becomes of a task whose worker is lost; dagster.yaml beside it says how runs are launched.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from dotenv import load_dotenv

# As Dagster's own commands do: what stands in .env goes before the environment.
load_dotenv(Path(__file__).with_name(".env"), override=True)

VISIBILITY_TIMEOUT_SECONDS = 18_000
"""After so long Redis hands out again what no worker has acknowledged. Longer than any run: see dagster.yaml."""

app = make_app(
    {
        "broker": os.environ["DAGSTER_CELERY_BROKER"],
        "backend": os.environ["DAGSTER_CELERY_BROKER"],
        "config_source": {
            # A task is acknowledged when it has ended. One whose process was killed is handed to another worker. If its
            # run had not begun, it begins there. If it had, Dagster lets it be, and run_monitoring finds that nobody
            # works on it, fails it, and tries it once more.
            "task_acks_late": True,
            "task_reject_on_worker_lost": True,
            "worker_prefetch_multiplier": 1,
            "task_track_started": True,
            "broker_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT_SECONDS},
            # A process that ends after each run gives back its memory, and reads settings and reports anew.
            "worker_max_tasks_per_child": 1,
            "result_expires": 172_800,
        },
    }
)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
