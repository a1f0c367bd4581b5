"""A sweep on a real Dask cluster, a worker of which is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from small_runs import settled

from sslkit import __main__ as cli
from sslkit.runs import records, running
from sslkit.study import grids
from sslkit.study.images import Images

pytest.importorskip("distributed", reason="the extra cluster is not installed")
from distributed import Client  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

# A worker loads one of these as it starts. Both make a checkpoint after every epoch;
# one notes that it resumed a training, one is killed at its first checkpoint.
LIVES = """
from pathlib import Path
from sslkit.learning import checkpoints, loop

def resume_and_tell(*args, resume=checkpoints.State.resume):
    Path("resumed").touch()
    resume(*args)

loop.SECONDS_BETWEEN_CHECKPOINTS = -1
checkpoints.State.resume = resume_and_tell
"""
DIES = """
import os, signal
from sslkit.learning import checkpoints, loop

def save_and_die(*args, save=checkpoints.State.save):
    save(*args)
    os.kill(os.getpid(), signal.SIGKILL)

loop.SECONDS_BETWEEN_CHECKPOINTS = -1
checkpoints.State.save = save_and_die
"""


@contextmanager
def dask(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the cluster, which ends with the test whatever happens."""
    started = subprocess.Popen(
        [sys.executable, "-m", "dask", *words, "--no-dashboard"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait(60)


@contextmanager
def dask_scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler."""
    file = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with dask(folder, "scheduler", *words):
        end = time.monotonic() + 60
        while not (file.exists() and file.read_text().rstrip().endswith("}")):
            assert time.monotonic() < end, "the scheduler does not come up"
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


@contextmanager
def dask_worker(
    folder: Path, address: str, preload: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with a working folder of its own."""
    folder.mkdir()
    file = folder / "preload.py"
    file.write_text(preload)
    words = ("--nthreads", "1", "--no-nanny", "--death-timeout", "60")
    words += ("--preload", str(file))
    with dask(
        folder, "worker", address, *words, "--local-directory", str(folder)
    ) as worker:
        yield worker


def test_a_sweep_outlives_a_worker_and_records_every_recipe_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no worker is
    with (
        dask_scheduler(tmp_path) as address,
        dask_worker(tmp_path / "dies", address, DIES) as dies,
        dask_worker(tmp_path / "lives", address, LIVES) as lives,
    ):
        with Client(address, timeout=30) as client:
            client.wait_for_workers(2, timeout=60)
        done = CliRunner().invoke(
            cli.main,
            ["sweep", "--profile", "smoke", "--limit", "20", "--fractions", "0.5"]
            + ["--curve", "1", "--draws", "1", "--out", "store", "--file", "all.jsonl"]
            + ["--dask", address],
        )
        assert dies.wait(60) == -signal.SIGKILL
        assert lives.poll() is None
    assert (tmp_path / "lives" / "resumed").exists()
    assert done.exit_code == 0, done.output
    todo = list(
        grids.arms(
            Images(profile="smoke", limit=20),
            fractions=(0.5,),
            curve=(1.0,),
            draws=1,
        )
    )
    found = records.read_file(tmp_path / "all.jsonl")
    assert len(found) == len(todo)
    assert {run.recipe for run in found} == {settled(one) for one in todo}
    kept = {run.key: run for run in records.read(tmp_path / "store")}
    assert {run.key for run in found} == set(kept)
    assert not list((tmp_path / "store" / "checkpoints").iterdir())
    for one in running.run_all(todo, out=tmp_path / "here"):
        other = kept[one.key]
        pd.testing.assert_frame_equal(one.history, other.history)
        for protocol, score in one.scores.items():
            assert score.confusion == other.scores[protocol].confusion
            assert score.loss == other.scores[protocol].loss
