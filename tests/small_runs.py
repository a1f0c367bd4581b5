"""Recipes of a second, and what a store has of them, for tests."""

from __future__ import annotations

import multiprocessing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import sslkit
from sslkit.judging.scores import Score
from sslkit.learning.devices import precision
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run

# Children are copies of one process that has imported all this and computed nothing: as
# fresh as started anew, without the seconds of importing torch, Lightning and SciPy.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(
    "PIL.Image pytest sslkit.runs.running lightning.fabric scipy.stats sklearn.metrics "
    "torchvision".split()
)


class Stop(Exception):
    """Enough was seen."""


def small(method: str = "rotnet", **changes: Any) -> Recipe:
    """A run of a second: 60 images, ten labels a class, 60 images to test on."""
    values = {"profile": "smoke", "limit": 20, "fraction": 0.5, **changes}
    if "labels" in changes:
        del values["fraction"]
    return sslkit.recipe(method, **values)


def settled(recipe: Recipe) -> Recipe:
    """The recipe as its record has it: "auto" is what it became on this machine."""
    return replace(recipe, precision=precision(recipe.precision))


def noise(folder: Path, *, train: int = 10, test: int = 5) -> Path:
    """A folder of two classes of so many images of noise each."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for label in ("bark", "moss"):
            here = folder / part / label
            here.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(here / f"{i}.png")
    return folder


def on_folder(folder: Path, method: str = "random", **changes: Any) -> Recipe:
    """A run on all of a folder of ``noise``, without training if the method is not."""
    values = {"data": str(folder), "fraction": 1.0, "image_size": 16, **changes}
    return small(method, **{"protocols": ("knn",), **values})


def results(run: Run) -> dict[str, dict[str, Any]]:
    """The scores without the time they took."""
    scores = {name: asdict(score) for name, score in run.scores.items()}
    for score in scores.values():
        assert score.pop("seconds") >= 0
    return scores


def assert_same(run: Run, other: Run) -> None:
    """All but time, place and names."""
    assert run.key == other.key
    assert results(run) == results(other)
    pd.testing.assert_frame_equal(run.history, other.history)


def encoder_files(store: Path) -> list[Path]:
    return sorted((store / "encoders").glob("[!.]*.safetensors"))


def record_files(store: Path) -> list[Path]:
    return sorted((store / "records").glob("[!.]*"))


def assert_same_weights(file: Path | None, other: Path | None) -> None:
    assert file is not None
    assert other is not None
    torch.testing.assert_close(load_file(file), load_file(other), rtol=0, atol=0)


def forbid(monkeypatch: pytest.MonkeyPatch, owner: Any, *names: str) -> None:
    """Let a function of a module fail if it is called."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError(f"one of {names} was called")

    for name in names:
        monkeypatch.setattr(owner, name, fail)


def by_hand(seed: int = 0, method: str = "rotnet") -> Run:
    """A run that nobody did."""
    recipe = sslkit.recipe(method, profile="smoke", seed=seed)
    score = Score(
        accuracy=0.5,
        loss=0.7,
        low=0.4,
        high=0.6,
        confusion=[[3, 1], [3, 1]],
        epoch=2,
        last_accuracy=0.25,
        last_loss=0.9,
        n_train=12,
        seconds=1.5,
    )
    history = pd.DataFrame(
        [
            ("linear", 1, 2, "lr", 0.01),
            ("linear", 1, 2, "train_loss", 1.25),
            ("linear", 2, 4, "lr", 0.0),
            ("linear", 2, 4, "train_loss", 0.75),
            ("pretrain", 1, 3, "train_loss", 1.5),
        ],
        columns=["phase", "epoch", "step", "metric", "value"],
    )
    about = {"commit": None, "machine": "a machine", "seconds": {"linear": 1.5}}
    return Run(recipe, f"{seed:016x}", {"linear": score}, history, about)


def assert_equal(one: Run, other: Run) -> None:
    assert (one.recipe, one.key, one.scores, one.about, one.encoder_file) == (
        other.recipe,
        other.key,
        other.scores,
        other.about,
        other.encoder_file,
    )
    pd.testing.assert_frame_equal(one.history, other.history)
