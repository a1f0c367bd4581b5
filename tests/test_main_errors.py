"""The command line: how it fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pytest
from command_line import NAMES, SMALL, fails

import sslkit
from sslkit import __main__ as cli
from sslkit.images import loading
from sslkit.runs import running


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--method", "moco"], "moco"),
        (["--method", "rotnet", "--profile", "huge"], "huge"),
        (["--method", "rotnet", "--profile", "quik"], "did you mean 'quick'"),
        (["--method", "rotnet", "--fraction", "0"], "fraction is 0"),
        (["--method", "rotnet", "--fraction", "1.5"], "fraction is 1.5"),
        (["--method", "rotnet", "--fraction", "nan"], "fraction is nan"),
        (["--method", "rotnet", "--lr", "nan"], "lr nan"),
        (["--method", "rotnet", "--data", ""], "is empty, ''; give a set's name"),
        (["--method", "rotnet", "--data", "shapse"], "did you mean 'shapes'"),
        (["--method", "rotnet", "--bits", "7"], "bits is 7"),
        (["--method", "rotnet", "--on-error", "skp"], "did you mean 'skip'"),
        (["--method", "rotnet", "--backbone", "resnet19"], "mean 'resnet18'"),
        (["--method", "simlcr"], "did you mean 'simclr'"),
        (["--method", "rotnet", "--labels", "5"], "labels is 5"),
        (["--method", "rotnet", "--schedule", "constnat"], "constant"),
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
        (["--method", "rotnet", "--seed", "-1"], "seed is -1; it must be from 0"),
        (["--method", "rotnet", "--draw", "-1"], "draw is -1; it must be from 0"),
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

    monkeypatch.setattr(loading, "catalogue", unreachable)
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
    assert said.splitlines()[-1].startswith(
        f"error: the store '{tmp_path / 'file'}' cannot be written (Not a directory); "
        "name another folder with --out"
    )


@pytest.mark.parametrize("kind", [IndexError, EOFError])
def test_a_mistake_in_sslkit_itself_is_to_be_reported_and_debug_shows_its_traceback(
    kind: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise kind("a bug")

    monkeypatch.setattr(running, "run", broken)
    code, said = fails(["run", "--method", "rotnet"], monkeypatch, capsys)
    (line,) = said.strip().splitlines()
    assert code == 1
    assert f"error: {kind.__name__}: a bug; " in line
    assert "please report it" in line
    assert "--debug" in line
    words = ["sslkit", "--debug", "run", "--method", "rotnet"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises((kind, click.Abort)) as told:
        cli._entry()
    assert "a bug" in str(told.value.__cause__ or told.value)


def test_a_wrong_option_is_told_as_click_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    code, said = fails(["run", "--metod", "rotnet"], monkeypatch, capsys)
    assert code == 2
    assert "No such option" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--labels", "0"], "labels is 0; it must be at least 1"),
        (["--labels", "21"], "class 'fir' of 'shapes' has 20 images in the pool"),
    ],
)
def test_labels_that_there_are_not_are_told_in_a_line(
    words: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    start = ["run", "--method", "rotnet", "--profile", "smoke", "--limit", "20"]
    code, said = fails([*start, *words, "--out", str(tmp_path)], monkeypatch, capsys)
    assert code == 1
    assert said.startswith("error: ")
    assert named in said.splitlines()[-1]
    assert not list(tmp_path.rglob("*.json"))


def test_a_broken_record_is_told_in_a_line_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = sslkit.recipe("random", **NAMES, protocols=("knn",))
    file = tmp_path / "records" / f"{sslkit.run(recipe, out=tmp_path).key}.json"
    file.write_text(file.read_text()[:100])
    words = ["run", "--method", "random", *SMALL, "--protocols", "knn"]
    code, said = fails([*words, "--out", str(tmp_path)], monkeypatch, capsys)
    assert code == 1
    assert f"'{file}' is not a record" in said
    assert "remove it" in said
    assert "Traceback" not in said
