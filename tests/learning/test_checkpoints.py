"""Checkpoints: an interrupted training ends as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pytest
import torch
from learning.made import (
    Probe,
    Stop,
    Table,
    counting,
    encoder,
    run,
    same_tensors,
    some_images,
    stopped_at,
    weights,
)
from torch import nn

from sslkit.judging.classifier import Classifier
from sslkit.learning import loop
from sslkit.learning.training import Training
from sslkit.methods import byol, rotnet, vicreg
from sslkit.views.augment import Augmentation


def rotnet_objective() -> nn.Module:
    torch.manual_seed(3)
    return rotnet.RotNet(encoder(), rotnet.Settings(after=Augmentation().colours))


def byol_objective() -> nn.Module:
    torch.manual_seed(3)
    return byol.BYOL(encoder(), byol.Settings(momentum=(0.7, 0.9)))


def vicreg_objective() -> nn.Module:
    torch.manual_seed(3)
    return vicreg.VICReg(encoder(), vicreg.Settings())


def classifier() -> nn.Module:
    torch.manual_seed(3)
    return Classifier(encoder(), nn.Linear(128, 3), Augmentation())


@pytest.mark.parametrize(
    "make", [rotnet_objective, byol_objective, vicreg_objective, classifier]
)
@pytest.mark.parametrize(
    "training",
    [
        Training(lr=1e-2, epochs=5, batch_size=8, warmup=0.2),
        Training(lr=1e-2, epochs=5, steps=20, batch_size=8, optimiser="sgd"),
        Training(lr=1e-2, epochs=5, steps=10, batch_size=5, optimiser="adamw"),
    ],
)
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    make: Callable[[], nn.Module],
    training: Training,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    rows, held, images = torch.arange(20), torch.arange(20, 30), some_images()
    whole = make()
    wanted = run(whole, images, rows, training, validation=held, seed=6)
    steps = int(wanted.history.step.max())
    checkpoint = tmp_path / "deep" / "checkpoint.pt"
    for place in (steps // 2, 1, steps // 2 - 1):  # stopped again and again
        with pytest.raises(Stop):
            run(
                stopped_at(make(), place), images, rows, training, validation=held,
                seed=6, checkpoint=checkpoint,
            )  # fmt: skip
    assert checkpoint.exists()
    counted: list[float] = []
    resumed = counting(make(), counted)
    with torch.no_grad():  # whatever a new process starts from must not matter
        for parameter in resumed.parameters():
            parameter.add_(1)
    found = run(
        resumed, images, rows, training, validation=held, seed=6, checkpoint=checkpoint
    )
    assert 0 < len(counted) < steps, "it went on, it did not begin again"
    assert same_tensors(weights(resumed), weights(whole))
    assert found.epoch == wanted.epoch
    assert same_tensors(found.selected, wanted.selected)
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)
    assert list(checkpoint.parent.iterdir()) == [checkpoint], "no partial file is left"


def test_a_save_cut_short_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    checkpoint, rows = tmp_path / "checkpoint.pt", torch.arange(40)
    training = Training(lr=0.1, epochs=4, batch_size=20)
    whole = Probe()
    wanted = run(whole, Table(), rows, training)
    with pytest.raises(Stop):
        run(stopped_at(Probe(), 3), Table(), rows, training, checkpoint=checkpoint)

    def torn(_state: object, file: BinaryIO) -> None:
        file.write(b"half a check")
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", torn)
        with pytest.raises(Stop):
            run(Probe(), Table(), rows, training, checkpoint=checkpoint)
    resumed = Probe()
    found = run(resumed, Table(), rows, training, checkpoint=checkpoint)
    assert same_tensors(weights(resumed), weights(whole))
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)


# ---------------------------------------------------- what is no checkpoint of it


class Hostile:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("pwned"),)


def begun(checkpoint: Path) -> bytes:
    """A checkpoint of a training of ``Probe`` that was stopped."""
    with pytest.raises(Stop):
        run(stopped_at(Probe(), 3), Table(), ROWS, TRAINING, checkpoint=checkpoint)
    return checkpoint.read_bytes()


def another(checkpoint: Path) -> None:
    """One of another module."""
    checkpoint.unlink()
    objective, images = stopped_at(rotnet_objective(), 3), some_images()
    with pytest.raises(Stop):
        run(objective, images, torch.arange(30), TRAINING, checkpoint=checkpoint)


def half_of_it(checkpoint: Path) -> None:
    """The weights of this module, and no optimiser."""
    kept = torch.load(checkpoint, weights_only=True)
    torch.save({"module": kept["module"]}, checkpoint)


def of_another_optimiser(checkpoint: Path) -> None:
    kept = torch.load(checkpoint, weights_only=True)
    kept["optimiser"]["param_groups"] = []
    torch.save(kept, checkpoint)


def with_more(checkpoint: Path) -> None:
    kept = torch.load(checkpoint, weights_only=True)
    torch.save({**kept, "of a later version": 1}, checkpoint)


ROWS, TRAINING = torch.arange(40), Training(lr=0.1, epochs=4, batch_size=20)
DAMAGES: dict[str, Callable[[Path], Any]] = {
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-200]),
    "text": lambda file: file.write_text("none"),
    "a list": lambda file: torch.save([1, 2], file),
    "hostile": lambda file: torch.save({"module": Hostile()}, file),
    "of another module": another,
    "half of it": half_of_it,
    "of another optimiser": of_another_optimiser,
    "with more": with_more,
}


@pytest.mark.parametrize("how", DAMAGES)
def test_what_is_no_checkpoint_of_this_training_is_put_aside_and_nothing_in_it_is_run(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    monkeypatch.chdir(tmp_path)
    whole = Probe()
    wanted = run(whole, Table(), ROWS, TRAINING)
    checkpoint = tmp_path / "there" / "x.pt"
    begun(checkpoint)
    DAMAGES[how](checkpoint)
    before = checkpoint.read_bytes()
    resumed = Probe()
    with pytest.warns(UserWarning, match=r"x\.pt' is no checkpoint of this tr") as told:
        found = run(resumed, Table(), ROWS, TRAINING, checkpoint=checkpoint)
    aside = tmp_path / "there" / "x.pt.unreadable"
    assert str(aside) in str(told[0].message)
    assert "\n" not in str(told[0].message)
    assert aside.read_bytes() == before
    assert not list(tmp_path.rglob("pwned"))
    assert same_tensors(weights(resumed), weights(whole)), "it began anew"
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)


@pytest.mark.parametrize(
    ("of", "changes"),
    [
        ("lr", {"training": replace(TRAINING, lr=0.2)}),
        ("steps", {"training": replace(TRAINING, steps=12)}),
        ("epochs", {"training": replace(TRAINING, epochs=5)}),
        ("seed", {"seed": 1}),
        ("select", {"select": "last"}),
        ("rows", {"rows": ROWS.flip(0)}),
        ("validation", {"validation": ROWS[:5]}),
    ],
)
def test_a_checkpoint_of_another_training_of_the_same_module_is_put_aside(
    of: str,
    changes: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    begun(checkpoint := tmp_path / "x.pt")
    given = {"rows": ROWS, "training": TRAINING} | changes
    wanted = run(Probe(), Table(), **given)
    with pytest.warns(UserWarning, match=f"begins anew: it is of another {of};"):
        found = run(Probe(), Table(), **given, checkpoint=checkpoint)
    assert checkpoint.with_name("x.pt.unreadable").exists()
    assert same_tensors(found.selected, wanted.selected)
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)


def test_a_full_disk_names_the_checkpoint_and_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    checkpoint = tmp_path / "x.pt"
    before = begun(checkpoint)
    full_disk(checkpoint)
    with pytest.raises(OSError, match=r"x\.pt' cannot be written \(No space left"):
        run(Probe(), Table(), ROWS, TRAINING, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before
    assert list(tmp_path.iterdir()) == [checkpoint]
