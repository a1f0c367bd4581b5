"""Folds: all labels train, and all of them choose."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from judging.made import LEARNT, Watched, judged, scored
from lightning.fabric import Fabric
from torch import nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging import protocols as module
from sslkit.judging.classifier import Classifier, new_head
from sslkit.judging.features import Features
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted, fit

HASTY = replace(LEARNT, lr=0.2, epochs=8)  # soon overfits


def test_folds_hold_every_image_of_the_budget_out_once_and_train_on_all_at_last(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    score = scored("folds", encoder, images, rows)
    budget = set(rows.budget.tolist())
    *folds, last = [set(read) for read in watched.learnt()]
    assert last == budget
    assert len(folds) == 5
    held = Counter(row for fold in folds for row in budget - fold)
    assert set(held) == budget
    assert set(held.values()) == {1}
    assert score.val_loss is None
    labels = images.labels
    for fold in folds:  # of every class a fifth
        counts = np.bincount(labels[sorted(budget - fold)], minlength=3)
        assert counts.tolist() == [6, 6, 6]


def test_folds_take_the_epoch_of_the_lowest_loss_over_all_five(
    images: ImageSet, rows: Split, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def kept(*given: Any, **rest: Any) -> Fitted:
        fitted = fit(*given, **rest)
        made.append((fitted, rest["validation"]))
        return fitted

    monkeypatch.setattr(module, "fit", kept)
    found = judged(["folds"], encoder, images, rows, training=HASTY)["folds"]
    losses = np.zeros(HASTY.epochs)
    for fitted, held in made[:5]:
        own = fitted.history.query("metric == 'val_loss'").sort_values("epoch")
        losses += len(held) * own["value"].to_numpy()
    assert found.score.epoch == 1 + losses.argmin()
    assert found.score.epoch < HASTY.epochs, "else it would be the last in any case"
    last, validation = made[5]
    assert validation is None
    assert last.epoch == found.history["epoch"].max() == found.score.epoch


def test_folds_score_what_a_training_of_so_many_epochs_ends_with(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = judged(["folds"], encoder, images, rows, training=HASTY)["folds"]
    epochs = found.score.epoch
    assert epochs is not None
    assert epochs < HASTY.epochs
    assert found.classifier is not None
    head = Classifier(nn.Identity(), new_head("linear", 128, 3, 0))
    fitted = fit(
        head,
        Features(encoder, images),
        rows.budget,
        validation=None,
        training=replace(HASTY, epochs=epochs),  # its rate is constant
        seed=0,
        fabric=Fabric(accelerator="cpu", devices=1),
    )
    assert torch.equal(found.classifier.head.weight, fitted.selected["head.weight"])
    pd.testing.assert_frame_equal(found.history, fitted.history)
    # What would have come after it does not count.
    assert found.score.last_loss == found.score.loss
    assert found.score.last_accuracy == found.score.accuracy


def test_groups_are_never_in_two_folds(images: ImageSet, rows: Split) -> None:
    names = np.array([f"g{label}{i % 10}" for i, label in enumerate(images.labels)])
    grouped = replace(images, groups=names)
    case: Any = SimpleNamespace(images=grouped, seed=0)
    for held in module._folds(case, rows.budget, 5):
        inside = set(names[rows.budget[held]])
        assert not inside & set(names[rows.budget[~held]])


def test_a_budget_of_three_groups_is_dealt_into_three_folds(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    names = np.array([f"g{row % 3}" for row in range(len(images))])
    grouped = replace(images, groups=names)
    judged(["folds"], encoder, grouped, rows)
    budget = set(rows.budget.tolist())
    *folds, last = [set(read) for read in watched.learnt()]
    assert last == budget
    held = [sorted(budget - fold) for fold in folds]
    assert sorted({*names[some]} for some in held) == [{"g0"}, {"g1"}, {"g2"}]


@pytest.mark.parametrize(
    ("labels", "groups", "said"),
    [(5, 1, "all labelled images are of one group"), (2, 90, "5 labelled images of a")],
)
def test_what_cannot_be_dealt_into_folds_is_refused_in_words_of_the_protocol(
    labels: int, groups: int, said: str, images: ImageSet, encoder: Encoder
) -> None:
    few = split(images, labels=labels)
    names = np.array([f"g{row % groups}" for row in range(len(images))])
    with pytest.raises(ValueError, match=rf"^folds: .*{said}.*; take .*'linear'$"):
        judged(["folds"], encoder, replace(images, groups=names), few)
