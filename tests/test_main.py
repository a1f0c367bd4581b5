"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import inspect
import io
import multiprocessing
import os
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

import sslkit
from sslkit import __main__ as cli
from sslkit.images import loading
from sslkit.learning import loop
from sslkit.runs import recipes, records, running, workers
from sslkit.study import grids, tables

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--profile", "smoke", "--limit", "20", "--fraction", "0.5"]
NAMES = {"profile": "smoke", "limit": 20, "fraction": 0.5}

# Its children are copies of one process that has imported sslkit and computed nothing.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["PIL.Image", "pytest", "sslkit.runs.running"])


def python(*words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, **settings
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a pretrained and a supervised run."""
    store = tmp_path_factory.mktemp("store")
    for method in ("rotnet", "supervised"):
        sslkit.run(sslkit.recipe(method, **NAMES), out=store)
    return store


def fails(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> tuple[int, str]:
    """Exit status and standard error of a command that cannot be done."""
    monkeypatch.setattr(sys, "argv", ["sslkit", *words])
    with pytest.raises(SystemExit) as stopped:
        cli._entry()
    said = capsys.readouterr()
    assert said.out == ""
    return int(stopped.value.code or 0), said.err


# ------------------------------------------------------------------------- run


def test_run_prints_scores_and_where_the_record_is(store: Path) -> None:
    done = CliRunner().invoke(
        cli.main, ["run", "--method", "rotnet", *SMALL, "--out", str(store)]
    )
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    run = sslkit.run(sslkit.recipe("rotnet", **NAMES), out=store)
    for line, protocol in zip(lines[:2], ("finetune", "linear"), strict=True):
        score = run.scores[protocol]
        numbers = [float(x) for x in re.findall(r"\d+\.\d+", line)]
        assert line.startswith(f"rotnet {protocol}: accuracy ")
        assert numbers == pytest.approx(
            [score.accuracy, score.low, score.high, score.loss], abs=5e-5
        )
        assert "60 test images" in line
    record = Path(lines[2].removeprefix("record: "))
    assert record.is_file()
    assert record.parent.parent == store
    assert lines[3] == f"encoder: {run.encoder}"
    assert len(lines) == 4


def test_every_argument_of_a_recipe_is_an_option() -> None:
    options = {option.name for option in cli.main.commands["run"].params}
    arguments = set(inspect.signature(sslkit.recipe).parameters)
    assert options - {"out"} == arguments


def test_options_reach_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def instead(recipe: Any, out: Path) -> None:
        asked.extend([recipe, out])
        raise ValueError("seen")

    monkeypatch.setattr(running, "run", instead)
    values = {
        "method": "simclr",
        "data": "a/folder",
        "profile": "smoke",
        "fraction": 0.25,
        "draw": 2,
        "seed": 3,
        "image_size": 48,
        "classes": ("cat", "dog"),
        "groups": r"(\w+)/g\d+_",
        "test": "group",
        "limit": 7,
        "on_error": "skip",
        "backbone": "resnet18",
        "init": "weights.safetensors",
        "epochs": 5,
        "batch_size": 9,
        "pretrain": "budget",
        "protocols": ("linear", "knn"),
    }
    words = ["run", "--out", str(tmp_path)]
    for name, value in values.items():
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    CliRunner().invoke(cli.main, words)
    assert asked == [sslkit.recipe(**values), tmp_path]  # type: ignore[arg-type]


def test_without_options_a_command_is_the_recipe_of_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def instead(recipe: Any, out: Path) -> None:
        asked.extend([recipe, out])
        raise ValueError("seen")

    monkeypatch.setattr(running, "run", instead)
    CliRunner().invoke(cli.main, ["run", "--method", "simclr"])
    assert asked == [sslkit.recipe("simclr"), Path("runs")]


def test_a_process_of_its_own_runs_and_tells_results_from_progress(
    tmp_path: Path,
) -> None:
    done = python(
        "-m",
        "sslkit",
        *("run", "--method", "random", *SMALL, "--protocols", "knn"),
        *("--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    (record,) = (tmp_path / "records").glob("*.json")
    assert first.startswith("random knn: accuracy 0.")
    assert second == f"record: {record}"


# ----------------------------------------------------------------------- sweep

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
    hours = float(re.fullmatch(r"about (\S+) hours of one worker .*", lines[1])[1])
    assert 0 < hours < 1
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

    def instead(images: grids.Images, **values: Any) -> Iterator[Any]:
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
        "image_size": 48,
        "groups": r"(\w+)/g\d+_",
        "test": "group",
        "limit": 7,
    }
    words = ["sweep", "--out", str(tmp_path)]
    for name, value in values.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    CliRunner().invoke(cli.main, words)
    assert asked == values
    known = {*vars(grids.Images()), *inspect.signature(instead_of).parameters}
    assert set(asked) == known - {"images"}


@pytest.mark.usefixtures("here")
def test_a_dry_run_says_what_the_study_would_cost_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def instead(images: grids.Images, **values: Any) -> list[Any]:
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
    assert said == "error: the loss is nan (in simclr, fraction 0.5, draw 0)"
    # What was done all the same is summed up.
    shown = pd.read_csv(io.StringIO("\n".join(out.splitlines()[2:])), sep=r"\s+")
    assert set(shown["method"]) == {
        *("random", "supervised", "supervised-plain", "rotnet", "rotnet-jitter")
    }


@pytest.mark.parametrize(
    ("words", "named", "status"),
    [
        (["--grid", "all"], "'all' is not one of 'arms'", 2),
        (["--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "--jobs", 2),
        (["--jobs", "0"], "--jobs", 2),
        (["--fractions", "few"], "'few'", 1),
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


# ----------------------------------------------------------------------- table


def test_table_prints_csv_that_pandas_reads(store: Path) -> None:
    done = CliRunner().invoke(cli.main, ["table", "--results", str(store)])
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(io.StringIO(done.stdout), dtype={"settings": str})
    expected = tables.table(records.read(store))
    assert frame["method"].tolist() == ["supervised", "rotnet", "rotnet"]
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_a_table_of_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    code, said = fails(["table", "--results", str(tmp_path)], monkeypatch, capsys)
    assert code == 1
    assert said == f"error: no records under '{tmp_path}'\n"


# ---------------------------------------------------------------------- export


def test_export_takes_a_key_or_a_record_and_prints_how_to_load(tmp_path: Path) -> None:
    recipe = sslkit.recipe(
        "simclr",
        **{**NAMES, "limit": 10},
        backbone="resnet18",
        image_size=16,
        epochs=1,
        pretrain="budget",
        protocols=("knn",),
    )
    run = sslkit.run(recipe, out=tmp_path)
    for i, name in enumerate((run.key, f"{tmp_path}/records/{run.key}.json")):
        file = tmp_path / f"{i}.safetensors"
        done = CliRunner().invoke(
            cli.main, ["export", name, str(file), "--out", str(tmp_path)]
        )
        assert done.exit_code == 0, done.output
        assert "torchvision.models.resnet18()" in done.stdout
        assert str(file) in done.stdout
        assert file.is_file()


@pytest.mark.parametrize(
    ("method", "reason"), [("rotnet", "counterpart"), ("supervised", "no pretraining")]
)
def test_what_cannot_be_exported_is_told_in_a_line(
    method: str,
    reason: str,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    key = sslkit.run(sslkit.recipe(method, **NAMES), out=store).key
    file = store / "encoder.safetensors"
    words = ["export", key, str(file), "--out", str(store)]
    code, said = fails(words, monkeypatch, capsys)
    assert code == 1
    assert said.count("\n") == 1
    assert reason in said
    assert not file.exists()


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--method", "moco"], "moco"),
        (["--method", "rotnet", "--profile", "huge"], "huge"),
        (["--method", "rotnet", "--fraction", "0"], "fraction"),
        (["--method", "rotnet", "--fraction", "0.01"], "validation"),
        (["--method", "rotnet", "--data", "no-such-set"], "no-such-set"),
        (["--method", "rotnet", "--data", "no/such/folder"], "folder"),
        (["--method", "rotnet", "--protocols", "linear,svm"], "svm"),
        (["--method", "rotnet", "--pretrain", "some"], "some"),
        (["--method", "rotnet", "--test", "some"], "some"),
        (["--method", "rotnet", "--on-error", "ignore"], "ignore"),
        (["--method", "rotnet", "--backbone", "vit"], "vit"),
        (["--method", "rotnet", "--init", "nowhere.safetensors"], "nowhere"),
        (["--method", "rotnet", "--init", "imagenet"], "ImageNet"),
        (["--method", "rotnet", "--classes", "fir,spoon"], "spoon"),
        (["--method", "rotnet", "--groups", "(.*)"], "groups"),
        (["--method", "rotnet", "--epochs", "0"], "epochs"),
        (["--method", "rotnet", "--batch-size", "0"], "batch_size"),
        (["--method", "rotnet", "--limit", "0"], "limit"),
        (["--method", "rotnet", "--image-size", "0"], "image_size"),
        (["--method", "rotnet", "--seed", "-1"], "negative"),
        (["--method", "rotnet", "--draw", "-1"], "negative"),
    ],
)
def test_an_error_that_the_user_can_mend_is_a_line_and_leaves_no_record(
    words: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    words = ["run", *SMALL, *words, "--out", str(tmp_path)]
    code, said = fails(words, monkeypatch, capsys)
    last = said.splitlines()[-1]  # progress may stand before it
    assert code == 1
    assert last.startswith("error: ")
    assert named in last
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.json"))


def test_a_set_that_cannot_be_downloaded_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ValueError("cifar10 is not in x and could not be downloaded: no route")

    monkeypatch.setattr(loading, "load", unreachable)
    words = ["run", "--method", "rotnet", "--data", "cifar10", "--out", str(tmp_path)]
    code, said = fails(words, monkeypatch, capsys)
    assert code == 1
    assert said == (
        "error: cifar10 is not in x and could not be downloaded: no route\n"
    )


def test_a_store_that_cannot_be_written_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").touch()
    words = ["run", "--method", "random", *SMALL, "--out", str(tmp_path / "file")]
    code, said = fails(words, monkeypatch, capsys)
    assert code == 1
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert str(tmp_path / "file") in said


def test_a_mistake_in_sslkit_itself_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(running, "run", broken)
    monkeypatch.setattr(sys, "argv", ["sslkit", "run", "--method", "rotnet"])
    with pytest.raises(IndexError, match="a bug"):
        cli._entry()


def test_a_wrong_option_is_told_as_click_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    code, said = fails(["run", "--metod", "rotnet"], monkeypatch, capsys)
    assert code == 2
    assert "No such option" in said


# ------------------------------------------------------------ help and Ctrl-C


def test_help_answers_without_importing_torch() -> None:
    for words in (["--help"], ["sweep", "-h"], ["run", "-h"]):
        done = python("-X", "importtime", "-m", "sslkit", *words)
        assert done.returncode == 0
        assert "Usage:" in done.stdout
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert "click" in imported
        assert not imported & {"torch", "numpy", "pandas", "matplotlib"}
    assert "--fraction" in done.stdout


def _interrupted(out: Path, said: Path) -> None:
    """In a child: the command of ``SMALL``, with Ctrl-C after its first checkpoint."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "os.rename" and "checkpoints" in str(args[0]):
            os.kill(os.getpid(), signal.SIGINT)

    loop.SECONDS_BETWEEN_CHECKPOINTS = -1  # after every epoch
    sys.addaudithook(hook)
    sys.argv = ["sslkit", "run", "--method", "rotnet", *SMALL, "--out", str(out)]
    with said.open("w") as sys.stderr:
        cli._entry()


def test_ctrl_c_says_that_the_same_command_goes_on_and_it_does(
    store: Path, tmp_path: Path
) -> None:
    out, said = tmp_path / "store", tmp_path / "stderr"
    child = forks.Process(target=_interrupted, args=(out, said))
    child.start()
    child.join(300)
    assert child.exitcode == 130
    assert "Traceback" not in said.read_text()
    assert "goes on from the last checkpoint" in said.read_text().splitlines()[-1]
    assert not (out / "records").exists()
    words = ["run", "--method", "rotnet", *SMALL, "--out"]
    again, undisturbed = (
        CliRunner().invoke(cli.main, [*words, str(where)]) for where in (out, store)
    )
    assert again.stdout.splitlines()[:2] == undisturbed.stdout.splitlines()[:2]
