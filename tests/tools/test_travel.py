"""What travels: image sets there, an unfinished training back."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file
from small_runs import noise, small

import sslkit
from sslkit.images import shapes
from sslkit.images.loading import from_shapes
from sslkit.learning import loop
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from tools import travel

FABRIC = Fabric(accelerator="cpu", devices=1)


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_packed_images_are_unpacked_equal_and_name_no_owner(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("cifar10", "colon3"):
        noise(root / name)
    size = travel.pack(("cifar10", "colon3"), root, tmp_path / "packed")
    assert size == sum(map(len, files_of(tmp_path / "packed").values()))
    for _ in range(2):  # the second finds it done
        found = travel.unpack(tmp_path / "packed", tmp_path / "there")
        assert found == tmp_path / "there"
        assert files_of(found) == files_of(root)
    with tarfile.open(tmp_path / "packed" / "colon3.tar.xz") as archive:
        assert {(m.uid, m.uname) for m in archive} == {(0, "")}
    assert travel.unpack(root, tmp_path / "elsewhere") == root  # no archive: as it is


def test_image_sets_that_are_too_large_or_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise(tmp_path / "cifar10")
    with pytest.raises(ValueError, match="no folder .*colon3"):
        travel.pack(("cifar10", "colon3"), tmp_path, tmp_path / "packed")
    monkeypatch.setattr(travel, "LIMIT", 100)
    with pytest.raises(ValueError, match="more than 100: fewer sets"):
        travel.pack(("cifar10",), tmp_path, tmp_path / "packed")


def stopped(checkpoint: Path, training: Training) -> None:
    """Leave what a pretraining has after the second of its four epochs."""

    class Stop(Exception):
        pass

    def watch(progress: loop.Progress) -> None:
        if progress.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        pretrained(checkpoint, training, watch)


def pretrained(checkpoint: Path, training: Training, watch: Any = None) -> loop.Fitted:
    scenes = shapes.Scenes(n_train=24, n_test=3, n_unlabelled=0)
    images = from_shapes(scenes, image_size=16)
    torch.manual_seed(0)
    objective = METHODS["simclr"].objective(Encoder(EncoderSettings()))
    return loop.fit(
        objective,
        images,
        images.rows("train"),
        validation=None,
        training=training,
        seed=0,
        fabric=FABRIC,
        checkpoint=checkpoint,
        select="last",
        watch=watch,
    )


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints come at the end of every epoch."""
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)


@pytest.mark.usefixtures("every_epoch")
def test_a_training_goes_on_elsewhere_almost_as_if_it_had_not_stopped(
    tmp_path: Path,
) -> None:
    training = Training(optimiser="sgd", lr=0.01, epochs=4, batch_size=8)
    here, there = tmp_path / "here", tmp_path / "there"
    file = here / "checkpoints" / "one.pt"
    stopped(file, training)
    (here / "race.json").write_text('{"passes": []}')
    out = tmp_path / "out"
    out.mkdir()
    assert travel.bundle(here, out) == ["race.json", "checkpoints/one.pt"]
    assert travel.unbundle(out, there) == ["race.json", "checkpoints/one.pt"]
    assert travel.unbundle(out, there) == []  # it has it

    kept, back = (
        torch.load(folder / "checkpoints/one.pt", weights_only=True)
        for folder in (here, there)
    )
    assert back["epoch"] == 2
    assert back["history"] == kept["history"]
    for name, value in kept["module"].items():
        assert back["module"][name].dtype == value.dtype
        torch.testing.assert_close(back["module"][name], value, rtol=1e-3, atol=1e-6)
    went_on = pretrained(there / "checkpoints/one.pt", training)
    whole = pretrained(file, training)
    columns = ["epoch", "step", "metric"]
    assert went_on.history[columns].equals(whole.history[columns])
    assert (went_on.history.value - whole.history.value).abs().max() < 0.05
    assert not went_on.history.equals(whole.history)  # without momentum, to 16 bits


@pytest.mark.usefixtures("every_epoch")
def test_a_checkpoint_of_adam_stays_for_its_means_are_none_to_lose(
    tmp_path: Path,
) -> None:
    training = Training(lr=0.01, epochs=4, batch_size=8)
    stopped(tmp_path / "checkpoints" / "one.pt", training)
    assert travel.bundle(tmp_path, tmp_path) == []


def test_the_newest_travels_in_pieces_and_what_has_no_room_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, out = (tmp_path / name for name in ("here", "there", "out"))
    out.mkdir()
    for number in range(2):
        sslkit.run(small(pretraining_seed=number, protocols=("knn",)), out=here)
    first, second = sorted(
        here.glob("encoders/*.safetensors"), key=lambda file: file.stat().st_mtime
    )
    os.utime(first, (1e9, 1e9))  # long ago
    (here / "encoders" / "half.safetensors").write_bytes(second.read_bytes())
    size = sum(value.nbytes for value in load_file(second).values())
    monkeypatch.setattr(travel, "FOR_FRAMING", 0)
    monkeypatch.setattr(travel, "PIECE", size * 3 // 4)  # one of 16 bits fits
    monkeypatch.setattr(travel, "PIECES", 1)
    assert travel.bundle(here, out) == [f"encoders/{second.name}"]

    monkeypatch.setattr(travel, "PIECES", 5)
    (out / "state.7").touch()  # of an earlier call
    names = {f"encoders/{first.name}", f"encoders/{second.name}"}
    assert set(travel.bundle(here, out)) == names
    pieces = sorted(out.glob("state.*"))
    assert [piece.name for piece in pieces] == [f"state.{i}" for i in range(2)]
    assert max(piece.stat().st_size for piece in pieces) <= size * 3 // 4
    assert set(travel.unbundle(out, there)) == names
    for file in (first, second):
        torch.testing.assert_close(
            load_file(there / "encoders" / file.name),
            load_file(file),
            rtol=1e-3,
            atol=1e-6,
        )
        note = file.with_suffix(".json")
        assert (there / "encoders" / note.name).read_text() == note.read_text()


def test_what_would_come_back_torn_does_not_travel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(travel, "PIECE", 1000)
    monkeypatch.setattr(travel, "PIECES", 2)
    (tmp_path / "race.json").write_text("x" * 2000)
    (tmp_path / "state.0").write_text("of an earlier call")
    with pytest.raises(AssertionError, match="outgrew FOR_FRAMING"):
        travel.bundle(tmp_path, tmp_path)
    assert (tmp_path / "state.0").read_text() == "of an earlier call"
