"""The network in the page: which encoders, of which records, tied how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_network
import pytest
import torch
from small_runs import small
from torch.nn import functional as F

from sslkit.learning.encoders import Encoder
from sslkit.runs import inputs, running
from sslkit.study import few_labels
from tools import page_network, results


def test_encoders_are_those_of_the_committed_grids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = few_labels.one(
        "blood8", "supervised", few_labels.TWENTIETH, few_labels.FIRST
    )
    monkeypatch.setattr(few_labels, "supervised", lambda *_: alone)  # reads the images
    made = page_network.recipes()
    assert [*made] == ["random", "supervised", "rotnet", "simclr"]
    grid = set(few_labels.encoders("blood8"))
    assert {made["rotnet"], made["simclr"]} <= grid
    floor = few_labels.baselines("blood8", {few_labels.TWENTIETH: 1})
    assert {made["random"], made["supervised"]} <= set(floor)
    assert page_network.of_scenes() in set(results.recipes("quick-shapes"))


def test_rows_are_spread_over_the_classes_and_of_their_part() -> None:
    images = made_network.cells()
    rows = page_network.spread(images, "test", 7)
    assert len(set(rows.tolist())) == 7
    assert torch.isin(rows, images.rows("test")).all()
    labels = images.labels[rows]
    assert labels.tolist() == sorted(labels.tolist())
    assert labels.bincount().min() >= 2


def test_what_labels_trained_is_trained_again_and_scores_as_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small("supervised")
    images = inputs.load_images(recipe.data)
    made = page_network.of(recipe, images, tmp_path)
    assert isinstance(made.encoder, Encoder)
    assert made.head is None
    run = made.run
    worse = replace(run.scores["finetune"], accuracy=2.0)
    wrong = replace(run, scores={"finetune": worse})
    monkeypatch.setattr(running, "run", lambda *_, **__: wrong)
    with pytest.raises(ValueError, match=rf"{run.key} scores .* its record says 2.0"):
        page_network.of(recipe, images, tmp_path)


def test_a_head_tells_turns_where_features_do_and_only_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = made_network.cells()
    encoder = made_network.encoder("tiny", 0, images)

    def of_corners(_: Encoder, batch: torch.Tensor) -> torch.Tensor:
        """Brightness of the four corners, which a turn moves around."""
        corners = F.adaptive_avg_pool2d(batch.float().mean(1, keepdim=True), 2)
        return F.pad(corners.flatten(1) / 255, (0, encoder.dim - 4))

    lit = images.images.clone()
    lit[..., :8, :8] = 255
    monkeypatch.setattr(page_network, "features", of_corners)
    assert page_network.turn_head(encoder, replace(images, images=lit))[1] > 0.9
    flat = replace(images, images=torch.full_like(lit, 90))
    assert page_network.turn_head(encoder, flat)[1] == 0.25
