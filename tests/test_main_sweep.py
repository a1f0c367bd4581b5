"""The command line: many recipes at a time."""

from __future__ import annotations

import inspect
import io
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from command_line import NAMES, ROOT, fails

import sslkit
from sslkit import __main__ as cli
from sslkit.runs import recipes, records, running, workers
from sslkit.study import grids, tables
from sslkit.study.images import Images

GRID = ["sweep", "--profile", "smoke", "--limit", "20", "--fractions", "0.5"]
GRID += ["--curve", "1.0", "--draws", "1"]  # seven recipes


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done in this process, for the time that new ones take to start."""

    @contextmanager
    def thread(jobs: int | None) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as executor:
            yield executor

    monkeypatch.setattr(workers, "processes", thread)


@pytest.mark.usefixtures("here")
def test_sweep_says_what_is_left_does_it_and_ends_with_a_table(tmp_path: Path) -> None:
    sslkit.run(sslkit.recipe("rotnet", **NAMES), out=tmp_path / "store")
    words = [*GRID, "--out", str(tmp_path / "store")]
    words += ["--file", str(tmp_path / "all.jsonl")]
    first = CliRunner().invoke(cli.main, words)
    assert first.exit_code == 0, first.output
    lines = first.stdout.splitlines()
    assert lines[0] == "7 recipes: 1 recorded already, 6 left"
    assert re.fullmatch(r"about \S+ (second|minute)s? of one worker .*", lines[1])
    told = first.stderr.splitlines()
    assert told[0].startswith("images: shapes: 20 train + 20 test of each class")
    assert told[2] == (
        "labels: 50 % of the labels: 24 train + 6 validation; "
        "100 % of the labels: 48 train + 12 validation; drawn from 60"
    )
    found = records.read_file(tmp_path / "all.jsonl")
    assert len(found) == 7
    assert {run.key for run in found} == {
        run.key for run in records.read(tmp_path / "store")
    }
    expected = tables.summarise(tables.table(found))
    shown = pd.read_csv(io.StringIO("\n".join(lines[2:])), sep=r"\s+")
    names = ["variant", "method", "protocol", "fraction", "runs"]
    names += ["mean", "low", "high"]
    assert list(shown) == names
    pd.testing.assert_frame_equal(shown, expected[names], atol=5e-5, check_dtype=False)

    before = (tmp_path / "all.jsonl").read_text()
    again = CliRunner().invoke(cli.main, words)
    assert again.stdout.splitlines() == [
        "7 recipes: 7 recorded already, 0 left",
        *lines[2:],
    ]
    assert (tmp_path / "all.jsonl").read_text() == before


@pytest.mark.usefixtures("here")
def test_what_sweep_is_told_reaches_its_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def instead(images: Images, **values: Any) -> Iterator[Any]:
        asked.update(vars(images) | values)
        raise ValueError("seen")

    instead_of = grids.arms
    monkeypatch.setattr(grids, "arms", instead)
    values = {
        "data": "a/folder",
        "profile": "smoke",
        "fractions": (0.1, 0.2),
        "curve": (),
        "draws": 3,
        "more": ("histogram", "byol"),
        "image_size": 48,
        "groups": r"(\w+)/g\d+_",
        "test": "group",
        "limit": 7,
        "bits": 12,
        "on_error": "skip",
    }
    words = ["sweep", "--out", str(tmp_path)]
    for name, value in values.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    CliRunner().invoke(cli.main, words)
    assert asked == values
    known = {*vars(Images()), *inspect.signature(instead_of).parameters}
    assert set(asked) == known - {"images"}


@pytest.mark.usefixtures("here")
def test_a_dry_run_says_what_the_study_would_cost_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def instead(images: Images, **values: Any) -> list[Any]:
        asked.update(values)
        return list(grids.arms(images, fractions=(0.5,), curve=(), draws=1))

    monkeypatch.setattr(grids, "study", instead)
    words = ["sweep", "--grid", "study", "--profile", "smoke", "--limit", "20"]
    words += ["--start", "file", "--other", "cifar10", "--other-classes", "cat,dog"]
    done = CliRunner().invoke(cli.main, [*words, "--dry-run", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("6 recipes: 0 recorded already, 6 left\nabout ")
    other = recipes.Data(name="cifar10", classes=("cat", "dog"))
    assert asked == {"start": "file", "other": other}
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.usefixtures("here")
def test_a_recipe_that_fails_in_a_sweep_is_named_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    really = running.run

    def instead(recipe: Any, **values: Any) -> Any:
        if recipe.arm == "simclr":
            raise FloatingPointError("the loss is nan")
        return really(recipe, **values)

    monkeypatch.setattr(running, "run", instead)
    monkeypatch.setattr(sys, "argv", ["sslkit", *GRID, "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        cli._entry()
    out, err = capsys.readouterr()
    (said,) = [line for line in err.splitlines() if line.startswith("error")]
    assert said == "error: the loss is nan (in simclr, 50 % of the labels, draw 0)"
    # What was done all the same is summed up.
    shown = pd.read_csv(io.StringIO("\n".join(out.splitlines()[2:])), sep=r"\s+")
    assert set(shown["method"]) == {
        *("random", "supervised", "supervised-plain", "rotnet", "rotnet-jitter")
    }


@pytest.mark.parametrize(
    ("words", "named", "status"),
    [
        (["--grid", "stduy"], "not one of arms, study; did you mean 'study'", 1),
        (["--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "--jobs", 2),
        (["--jobs", "0"], "--jobs", 2),
        (["--fractions", "few"], "'few'", 1),
        (["--more", "histogram,bylo"], "'bylo'", 1),
        (["--profile", "huge"], "huge", 1),
        (["--file", "all.json"], "all.json", 1),
        (["--dask", "nowhere"], "nowhere", 1),
    ],
)
def test_a_sweep_that_cannot_be_done_says_why(
    words: list[str],
    named: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    words = [*GRID, *words, "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["sslkit", *words])
    with pytest.raises(SystemExit) as stopped:
        cli._entry()
    assert stopped.value.code == status
    assert named in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_scheduler_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    monkeypatch.setattr(workers, "SECONDS_TO_CONNECT", 1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    words = [*GRID, "--dask", address, "--out", str(tmp_path)]
    code, said = fails(words, monkeypatch, capsys)
    assert code == 1
    assert said.startswith(f"error: no Dask scheduler at '{address}': ")
    assert "Traceback" not in said


def test_without_dask_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = [*GRID, "--dask", "tcp://127.0.0.1:1", "--out", str(tmp_path)]
    code, said = fails(words, monkeypatch, capsys)
    assert code == 1
    assert "sslkit[cluster]" in said


@pytest.mark.usefixtures("here")
def test_ctrl_c_ends_a_sweep_and_the_same_command_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    words = [*GRID, "--jobs", "1", "--out", str(tmp_path), "--file", str(file)]
    command = [sys.executable, "-m", "sslkit", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as sweep:
        while not (file.exists() and file.read_text()):
            assert sweep.poll() is None
            time.sleep(0.02)
        sweep.send_signal(signal.SIGINT)
        _, said = sweep.communicate(timeout=60)
    assert sweep.returncode == 130
    assert "goes on from the last checkpoint" in said.decode().splitlines()[-1]
    assert b"Traceback" not in said
    again = CliRunner().invoke(cli.main, words)
    assert again.exit_code == 0, again.output
    assert re.match(r"7 recipes: [1-6] recorded already", again.stdout)
    assert len(records.read_file(file)) == 7
