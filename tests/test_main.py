"""The command line: what it prints."""

from __future__ import annotations

import inspect
import io
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click import Option
from click.testing import CliRunner
from command_line import NAMES, SMALL, fails, python
from small_runs import forks

import sslkit
from sslkit import __main__ as cli
from sslkit.judging.protocols import PROTOCOLS
from sslkit.learning import loop
from sslkit.runs import records, running
from sslkit.study import tables


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a pretrained and a supervised run."""
    store = tmp_path_factory.mktemp("store")
    for method in ("rotnet", "supervised"):
        sslkit.run(sslkit.recipe(method, **NAMES), out=store)
    return store


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
    assert lines[3] == f"encoder: {run.encoder_file}"
    assert len(lines) == 4


def test_every_argument_of_a_recipe_is_an_option() -> None:
    options = {option.name for option in cli.main.commands["run"].params}
    arguments = set(inspect.signature(sslkit.recipe).parameters)
    assert options - {"out"} == arguments - {"variant"}  # a label of grids


def test_options_reach_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def instead(recipe: Any, out: Path, say: Any) -> None:
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
        "pretraining_seed": 4,
        "image_size": 48,
        "classes": ("cat", "dog"),
        "groups": r"(\w+)/g\d+_",
        "test": "group",
        "limit": 7,
        "bits": 12,
        "on_error": "skip",
        "backbone": "resnet18",
        "init": "weights.safetensors",
        "schedule": "constant",
        "lr": 0.125,
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
    del values["fraction"]
    asked.clear()
    CliRunner().invoke(cli.main, [*without(words, "--fraction"), "--labels", "12"])
    expected = sslkit.recipe(**values, labels=12)  # type: ignore[arg-type]
    assert asked == [expected, tmp_path]
    assert (expected.labels, expected.fraction) == (12, None)


def without(words: list[str], option: str) -> list[str]:
    """The words of a command less an option and its value."""
    i = words.index(option)
    return words[:i] + words[i + 2 :]


def test_labels_and_a_seed_of_pretraining_are_told_on_the_command_line(
    tmp_path: Path,
) -> None:
    words = ["run", "--method", "simclr", "--profile", "smoke", "--limit", "20"]
    words += ["--labels", "5", "--pretrain", "everything", "--pretraining-seed", "3"]
    words += ["--protocols", "linear", "--out", str(tmp_path)]
    for draw in ("0", "1"):
        done = CliRunner().invoke(cli.main, [*words, "--draw", draw])
        assert done.exit_code == 0, done.output
    first, second = records.read(tmp_path)
    for run in (first, second):
        assert (run.recipe.labels, run.recipe.fraction) == (5, None)
        assert run.recipe.pretraining_seed == 3
        assert run.about["counts"] == {"train": 15, "val": 0, "test": 60, "pool": 60}
        assert run.scores["linear"].n_train == 15
    assert first.about["pretraining_key"] == second.about["pretraining_key"]
    assert len([*(tmp_path / "encoders").glob("*.safetensors")]) == 1


def test_without_options_a_command_is_the_recipe_of_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def instead(recipe: Any, out: Path, say: Any) -> None:
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


def test_help_names_every_protocol_and_all_that_pretraining_may_see() -> None:
    said = {one.name: one.help for one in cli.run.params if isinstance(one, Option)}
    assert {*PROTOCOLS} <= {*re.findall(r"\w+", said["protocols"] or "")}
    seen = {"budget", "labelled", "all", "everything"}
    assert seen <= {*re.findall(r"\w+", said["pretrain"] or "")}


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
