"""The command line: what it says before training, and how it says what went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from command_line import NAMES, SMALL, fails
from small_runs import noise

import sslkit
from sslkit import __main__ as cli
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods import rotnet
from sslkit.runs.store import Store


def run(*words: str | Path) -> Result:
    done = CliRunner().invoke(cli.main, ["run", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 10 training and 5 test images."""
    return noise(tmp_path / "photos")


@pytest.fixture
def on_photos(photos: Path, tmp_path: Path) -> list[str]:
    words = ["--method", "random", "--protocols", "knn", "--fraction", "1"]
    words += ["--profile", "smoke", "--data", str(photos), "--image-size", "16"]
    return [*words, "--out", str(tmp_path / "runs")]


# ---------------------------------------------------------------------- before training


def test_three_lines_before_training_stand_apart_from_the_results(
    on_photos: list[str],
) -> None:
    done = run(*on_photos)
    assert [line for line in done.stderr.splitlines() if line] == [
        "images: photos: 10 train + 5 test of each class (bark, moss)",
        "pixels: 16 x 16, 8 bits a value",
        "labels: 100 % of the labels: 16 train + 4 validation; drawn from 20",
    ]
    assert done.stdout.startswith("random knn: accuracy ")


def test_a_test_image_that_is_in_train_is_warned_of(
    photos: Path, on_photos: list[str]
) -> None:
    shutil.copy(photos / "test/bark/0.png", photos / "train/bark/again.png")
    (last,) = run(*on_photos).stderr.splitlines()[3:]
    assert last.startswith("warning: 1 test image is also among those that training ")
    assert "bark/0.png (test) = bark/again.png (train)" in last


def test_a_folder_is_shrunk_with_a_word(on_photos: list[str]) -> None:
    told = run(*on_photos, "--image-size", "8").stderr.splitlines()
    assert told[1] == "pixels: 8 x 8, shrunk from 16 x 16, 8 bits a value"


# ----------------------------------------------------------------------------- spelling


def test_remedies_are_options(
    photos: Path,
    on_photos: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    torn = photos / "train" / "bark" / "two\nlines 'n <b>.png"
    torn.write_bytes(b"")
    code, said = fails(["run", *on_photos], monkeypatch, capsys)
    (line,) = said.splitlines()
    assert code == 1
    assert line.startswith(
        f"error: {torn.parent}/two\\nlines 'n <b>.png cannot be read"
    )
    assert line.endswith("or leave such files out with --on-error skip")
    torn.unlink()
    _, said = fails(["run", *on_photos, "--test", "group"], monkeypatch, capsys)
    assert said == "error: --test group needs --groups, a pattern or a CSV column\n"


def test_a_warning_is_a_line_without_the_place_in_the_code(
    photos: Path,
    on_photos: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    (photos / "train/bark/torn.png").write_bytes(b"")
    monkeypatch.setattr("sys.argv", ["sslkit", "run", *on_photos, "--on-error", "skip"])
    cli._entry()
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == (
        "warning: photos: 1 of 31 files could not be read and were left out, the first "
        "of them train/bark/torn.png (it is empty)"
    )


# ------------------------------------------------------------ files and disks that fail


@pytest.fixture
def interrupted(tmp_path: Path) -> tuple[Store, str]:
    """A store in which a pretraining was under way, and its key."""
    recipe = sslkit.recipe("rotnet", **NAMES, protocols=("knn",))
    done = sslkit.run(recipe, out=tmp_path / "whole")
    store = Store(tmp_path / "store")
    store.checkpoint("x").parent.mkdir(parents=True)
    return store, done.about["pretraining_key"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"no checkpoint"])
def test_a_checkpoint_that_cannot_be_read_does_not_block_the_command(
    content: bytes, interrupted: tuple[Store, str]
) -> None:
    store, key = interrupted
    store.checkpoint(key).write_bytes(content)
    words = ["--method", "rotnet", *SMALL, "--protocols", "knn", "--out", store.folder]
    with pytest.warns(
        UserWarning, match=f"{key}.pt' is no checkpoint of this training"
    ):
        again = run(*words)
    whole = run(*words[:-1], store.folder.with_name("whole"))
    assert again.stdout.splitlines()[0] == whole.stdout.splitlines()[0]


@pytest.mark.parametrize("place", ["record", "encoder", "note"])
def test_a_full_disk_is_told_in_a_line_with_the_file(
    place: str,
    interrupted: tuple[Store, str],
    full_disk: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    store, key = interrupted
    if place == "record":
        (record,) = (store.folder.with_name("whole") / "records").glob("*.json")
        key = record.stem
    file = getattr(store, place)(key)
    full_disk(file)
    words = ["run", "--method", "rotnet", *SMALL, "--protocols", "knn"]
    code, said = fails([*words, "--out", str(store.folder)], monkeypatch, capsys)
    assert code == 1
    last = said.splitlines()[-1]
    assert last.startswith(
        f"error: '{file}' cannot be written (No space left on device)"
    )
    assert last.endswith("make room there, or choose another place")
    assert "Traceback" not in said
    run(*words[1:], "--out", store.folder)  # there is room again


def test_an_encoder_of_another_backbone_is_told_in_a_line_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "small.safetensors"
    encoders.save(Encoder(EncoderSettings(backbone="small")), file)
    words = ["run", "--method", "start", *SMALL, "--init", str(file)]
    code, said = fails([*words, "--out", str(tmp_path / "runs")], monkeypatch, capsys)
    assert code == 1
    last = said.splitlines()[-1]
    assert last.startswith(f"error: '{file}' does not fit tiny with the small stem (")
    assert last.endswith("it is of --backbone small, small stem")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (
            "forward",
            "pretrain rotnet: batches of 32 images do not fit into the memory; nor do "
            "smaller ones: try smaller images (--image-size) or a smaller encoder "
            "(--backbone)",
        ),
        (
            "__init__",
            "CUDA out of memory. Tried 1 TiB.; take smaller images (--image-size), "
            "fewer of them (--limit) or a smaller encoder (--backbone)",
        ),
    ],
)
def test_memory_that_is_short_is_told_in_a_line_with_what_to_try(
    where: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def short(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried 1 TiB.\nOf 2 GPUs, …")

    monkeypatch.setattr(rotnet.RotNet, where, short)
    words = ["run", "--method", "rotnet", *SMALL, "--out", str(tmp_path)]
    code, told = fails(words, monkeypatch, capsys)
    assert code == 1
    assert told.splitlines()[-1] == f"error: {said}"
