"""The audit: a sound record has no fault, and every planted one is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from methods.own import Follower, Following
from small_runs import by_hand, small
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.learning.encoders import Encoder
from sslkit.runs import inputs, keys
from sslkit.runs.arms import ARMS
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run
from sslkit.study import published
from tools import audit, audit_labels

Sound = tuple[Run, ImageSet, Split]


def sound(recipe: Recipe) -> Sound:
    """A record as a run of a recipe would leave it, but for its scores."""
    images = inputs.on_device(recipe.data, None, "cpu")
    rows = inputs.split_of(recipe, images)
    about = {
        "fingerprint": images.fingerprint,
        "counts": rows.counts[["train", "val", "test", "pool"]].sum().to_dict(),
        "results_version": keys.RESULTS_VERSION,
        "seconds": {},
    }
    key = keys.run_key(recipe, images, rows)
    made = replace(by_hand(), recipe=recipe, key=key, about=by_hand().about | about)
    return made, images, rows


@pytest.mark.parametrize("pretrain", ["budget", "labelled", "all", "everything"])
def test_a_sound_record_has_no_fault(pretrain: str) -> None:
    found = audit.faults(*sound(small(pretrain=pretrain)))
    assert not any(found.values())
    assert len(found) >= 6


def joined(*parts: Tensor) -> Tensor:
    return torch.cat(parts).sort().values


def a_test_row_trains(run: Run, images: ImageSet, rows: Split) -> Sound:
    return run, images, replace(rows, train=joined(rows.train, rows.test[:1]))


def a_validation_row_trains(run: Run, images: ImageSet, rows: Split) -> Sound:
    return run, images, replace(rows, train=joined(rows.train, rows.val[:1]))


def validation_beside_the_budget(run: Run, images: ImageSet, rows: Split) -> Sound:
    beside = rows.pool[~torch.isin(rows.pool, rows.budget)][: len(rows.val)]
    return run, images, replace(rows, val=joined(rows.val, beside))


def pretraining_sees_a_test_row(run: Run, images: ImageSet, rows: Split) -> Sound:
    return run, images, replace(rows, unlabelled=joined(rows.unlabelled, rows.test[:1]))


def pretraining_sees_validation(run: Run, images: ImageSet, rows: Split) -> Sound:
    return run, images, replace(rows, unlabelled=joined(rows.unlabelled, rows.val))


def other_pixels(run: Run, images: ImageSet, rows: Split) -> Sound:
    pixels = images.images.clone()
    pixels[0, 0, 0, 0] ^= 1
    return run, replace(images, images=pixels), rows


def other_counts(run: Run, images: ImageSet, rows: Split) -> Sound:
    counts = run.about["counts"] | {"train": 1}
    return replace(run, about=run.about | {"counts": counts}), images, rows


def another_key(run: Run, images: ImageSet, rows: Split) -> Sound:
    return replace(run, key="0" * 16), images, rows


def a_group_on_both_sides(run: Run, images: ImageSet, rows: Split) -> Sound:
    groups = pd.Series(range(len(images))).astype(str).to_numpy()
    groups[rows.test[0]] = groups[rows.train[0]]
    return run, replace(images, groups=groups), rows


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (a_test_row_trains, "training, validation and test images are disjoint"),
        (a_validation_row_trains, "training, validation and test images are disjoint"),
        (
            validation_beside_the_budget,
            "validation lies inside the budget, as asked for",
        ),
        (pretraining_sees_a_test_row, "pretraining sees no test image"),
        (pretraining_sees_validation, "pretraining sees no validation image"),
        (other_pixels, "the images are those of the record"),
        (other_counts, "the counts are those of the record"),
        (another_key, "the key is that of recipe, images and rows"),
        (a_group_on_both_sides, "every group is on one side"),
    ],
)
def test_a_planted_fault_is_found(
    plant: Callable[[Run, ImageSet, Split], Sound], told: str
) -> None:
    found = audit.faults(*plant(*sound(small(pretrain="all"))))
    assert found[told]


def test_a_test_image_that_training_sees_is_counted_by_its_content() -> None:
    recipe = small()
    images = inputs.on_device(recipe.data, None, "cpu")
    same, near = (row["found"] for row in audit.doubles(recipe.data, images))
    pixels = images.images.clone()
    pixels[images.rows("test")[0]] = pixels[images.rows("train")[5]]
    again = audit.doubles(recipe.data, replace(images, images=pixels))
    assert [row["found"] for row in again] == [same + 1, near]


@pytest.mark.parametrize(
    "recipe", [*audit_labels.arms()], ids=lambda recipe: recipe.arm
)
def test_labels_outside_the_budget_change_no_encoder_and_no_prediction(
    recipe: Recipe,
) -> None:
    assert not audit_labels.matter(recipe)


@dataclass(frozen=True, kw_only=True)
class Peeking(Following):
    """A method that learns from labels which it is not to see."""

    tag: ClassVar[str] = "tests.peeking"

    def objective(self, encoder: Encoder) -> Peeker:
        return Peeker(encoder, self)


class Peeker(Follower):
    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        found = super().forward(views, labels)
        if labels is None:
            return found
        weights = 1 + labels.float().abs()
        guess = self.predictor(self.student(views[0])).mean(1)
        return {"loss": found["loss"] + (weights * guess).mean()}


def test_an_encoder_that_read_labels_outside_the_budget_is_found() -> None:
    assert audit_labels.matter(replace(small(protocols=("knn",)), method=Peeking()))


def test_records_are_audited_a_folder_after_the_other_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, *_ = sound(small())
    gone = replace(run.recipe, data=replace(run.recipe.data, name="no-such-set"))
    runs = [run, replace(run, key="f" * 16, recipe=gone)]
    published.write(tmp_path / "smoke-shapes", runs)
    monkeypatch.setattr(audit, "RESULTS", tmp_path)
    monkeypatch.setattr(audit, "FILE", tmp_path / "audit.csv")
    for words in (["smoke-shapes"], ["smoke-shapes"]):
        done = CliRunner().invoke(audit.main, words)
        assert done.exit_code == 0, done.output
    table = pd.read_csv(audit.FILE).set_index("check")
    assert set(table["records"]) == {"smoke-shapes"}
    here = table.loc["the images are on this machine"]
    assert here[["checked", "found"]].tolist() == [2, 1]
    assert table.loc["pretraining sees no test image", "checked"] == 1
    assert table.loc[table["of"] == "records", "found"].sum() == 1
    done = CliRunner().invoke(audit.main, ["elsewhere"])
    assert "no records 'elsewhere'; there are smoke-shapes" in done.output


def test_every_arm_that_needs_no_weights_from_elsewhere_is_audited() -> None:
    assert {recipe.arm for recipe in audit_labels.arms()} == ARMS.keys() - {"start"}
