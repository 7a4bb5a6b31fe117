"""What is done once a day."""

import os
import time
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from dermatech.run.scheduler import DAY, JOBS, Job, due, run

pytestmark = pytest.mark.one_database


def names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


def test_each_job_is_due_once_a_day_whatever_the_clock_did(tmp_path: Path) -> None:
    now = time.time()
    assert due(JOBS, tmp_path, now) == list(JOBS)
    assert run(JOBS[0], tmp_path, carry_out=lambda _: 0) == 0
    assert names(due(JOBS, tmp_path, now + 1)) == names(list(JOBS[1:]))
    assert due(JOBS, tmp_path, now + DAY + 60) == list(JOBS)
    os.utime(tmp_path / JOBS[0].name, (now + 10 * DAY, now + 10 * DAY))
    assert JOBS[0] in due(JOBS, tmp_path, now)


def test_one_that_fails_waits_for_the_next_day(tmp_path: Path) -> None:
    assert run(JOBS[0], tmp_path, carry_out=lambda _: 1) == 1
    assert JOBS[0] not in due(JOBS, tmp_path, time.time() + 1)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_is_a_command_that_takes_its_arguments(job: Job) -> None:
    app = get_commands()[job.name]
    parser = load_command_class(app, job.name).create_parser("manage.py", job.name)
    parser.parse_args(list(job.arguments))
