"""The pictures of a report are the same bytes however often they are drawn."""

from __future__ import annotations

import base64
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import torch
from folder.deceiving import image_set, noise
from folder.looked import looked
from made_runs import done

from sslkit.folder import pictures, verdict
from sslkit.folder.doubles import Doubles
from sslkit.folder.pictures import Picture
from sslkit.images.imageset import ImageSet
from sslkit.runs.records import Run


@pytest.fixture
def images() -> ImageSet:
    return image_set(noise(12), np.arange(12) % 2)


@pytest.fixture
def runs() -> list[Run]:
    """Two arms with all labels and with half of them; everything is predicted as 0."""
    made = [
        done(arm, 0.5, draw=draw, fraction=fraction, protocols=("finetune",))
        for fraction in (0.5, 1.0)
        for arm in ("simclr", "supervised")
        for draw in (0, 1)
    ]
    return [
        replace(one, scores={p: replace(s, predicted=(0,) * 100)})
        for one in made
        for p, s in one.scores.items()
    ]


def of_trials(runs: list[Run]) -> list[Picture]:
    whole = [run for run in runs if run.recipe.fraction == 1]
    ways = verdict.options(whole, np.repeat([0, 1], 50))
    return pictures.of_trials(whole, runs, ways, ("cat", "dog"))


def of_images(images: ImageSet) -> list[Picture]:
    rows, features = torch.arange(12), images.images.flatten(1).float().numpy()
    seen = looked(doubles=Doubles(1, 0, 0, 0, 0, 0, ((3, 1),)))
    return [
        *pictures.of_features(images, rows, features),
        *pictures.of_look(images, seen),
        pictures.of_rows(images, range(5)),
    ]


def test_pictures_drawn_twice_are_the_same_bytes(
    images: ImageSet, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = [*of_trials(runs), *of_images(images)]
    assert len(once) == 7
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # as if it were another day
    assert [*of_trials(runs), *of_images(images)] == once
    kind, _, text = once[0].source.partition(";base64,")
    assert kind == "data:image/svg+xml"
    assert "dc:date" not in base64.b64decode(text).decode()


def test_pictures_have_the_look_of_the_book_and_leave_a_notebook_its_own(
    runs: list[Run],
) -> None:
    once = of_trials(runs)
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "another"}):
        assert of_trials(runs) == once
        assert mpl.rcParams["font.size"] == 30
