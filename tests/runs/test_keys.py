"""Keys: what decides a run is in them, what does not is not, and they never change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import (
    encoder_files,
    forbid,
    on_folder,
    record_files,
    results,
    small,
)

import sslkit
from sslkit.learning import encoders
from sslkit.learning.devices import precision
from sslkit.learning.encoders import Encoder
from sslkit.learning.training import Training
from sslkit.methods import rotnet
from sslkit.runs import inputs, keys, running
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run
from sslkit.views.augment import Augmentation


def both_keys(recipe: Recipe) -> tuple[str | None, str]:
    """The names of a recipe's encoder and of its run."""
    images = inputs.load_images(recipe.data, recipe.extra_unlabelled)
    rows = inputs.split_of(recipe, images)
    pretraining = keys.pretraining_key(recipe, images, rows)
    return pretraining, keys.run_key(recipe, images, rows)


# ------------------------------------------------------------ what decides a run


def test_the_place_and_the_name_of_a_folder_do_not_matter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = sslkit.run(on_folder(folder), out=out)
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "other-name")
    forbid(monkeypatch, running, "judge")
    again = sslkit.run(on_folder(moved), out=out)
    assert again.key == first.key
    assert results(again) == results(first)


def test_the_profile_is_a_label_that_decides_nothing(
    undisturbed: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, running, "pretrain", "judge")
    again = sslkit.run(replace(small(), profile="a chapter's own"), out=store)
    assert again.key == undisturbed.key


def change_a_pixel(folder: Path) -> None:
    file = folder / "train" / "bark" / "3.png"
    pixels = np.asarray(Image.open(file)).copy()
    pixels[2, 5, 1] ^= 1
    Image.fromarray(pixels).save(file)


def change_a_test_pixel(folder: Path) -> None:
    file = folder / "test" / "moss" / "0.png"
    pixels = np.asarray(Image.open(file)).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(file)


def change_a_label(folder: Path) -> None:
    # The last of one class becomes the first of the next: no pixel changes its row.
    train = folder / "train"
    (train / "bark" / "9.png").rename(train / "moss" / "0-.png")


def rename_a_class(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part / "moss").rename(folder / part / "sand")


@pytest.mark.parametrize(
    "change", [change_a_pixel, change_a_test_pixel, change_a_label, rename_a_class]
)
def test_other_images_or_labels_are_another_run(
    change: Callable[[Path], None], folder: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(folder, tmp_path / "changed")
    change(changed)
    first, second = (both_keys(on_folder(x, "rotnet")) for x in (folder, changed))
    assert first[0] != second[0]
    assert first[1] != second[1]
    for one in (folder, changed):
        sslkit.run(on_folder(one), out=tmp_path / "out")
    assert len(record_files(tmp_path / "out")) == 2


def test_each_value_that_decides_a_run_is_in_its_key(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = on_folder(folder)
    changed = [
        replace(start, seed=1),
        replace(start, draw=1),
        replace(start, fraction=0.75),
        replace(start, fraction=None, labels=4),
        replace(start, selection="last"),
        replace(start, encoder=replace(start.encoder, stem="image")),
        replace(start, protocols=("linear",)),
        replace(start, probe=replace(start.probe, lr=0.5)),
        replace(start, downstream=replace(start.downstream, epochs=9)),
        replace(start, augmentation=replace(start.augmentation, flip=0.1)),
        replace(start, precision="64-true"),
        replace(start, extra_unlabelled=start.data),
    ]
    names = [sslkit.run(one, out=tmp_path).key for one in (start, *changed)]
    monkeypatch.setattr(keys, "RESULTS_VERSION", keys.RESULTS_VERSION + 1)
    names.append(sslkit.run(start, out=tmp_path).key)
    assert len(set(names)) == len(changed) + 2


def test_a_change_of_results_pretrains_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(protocols=("knn",))
    sslkit.run(recipe, out=tmp_path)
    monkeypatch.setattr(keys, "RESULTS_VERSION", keys.RESULTS_VERSION + 1)
    sslkit.run(recipe, out=tmp_path)
    assert len(encoder_files(tmp_path)) == 2


def test_starting_weights_count_by_their_content_not_by_their_file(
    folder: Path, tmp_path: Path
) -> None:
    file, copy = tmp_path / "start.safetensors", tmp_path / "copy.safetensors"
    torch.manual_seed(0)
    encoders.save(Encoder(encoders.EncoderSettings()), file)
    shutil.copy(file, copy)
    recipe = on_folder(folder, init=str(file))
    first = sslkit.run(recipe, out=tmp_path)
    assert sslkit.run(on_folder(folder, init=str(copy)), out=tmp_path).key == first.key
    torch.manual_seed(1)
    encoders.save(Encoder(encoders.EncoderSettings()), file)
    assert sslkit.run(recipe, out=tmp_path).key != first.key


@pytest.mark.parametrize("init", ["random", "imagenet"])
def test_a_file_called_as_a_start_is_not_taken_for_it(
    init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = sslkit.recipe("start", profile="smoke", init="imagenet")
    recipe = replace(recipe, encoder=replace(recipe.encoder, init=init))
    before = both_keys(recipe)
    monkeypatch.chdir(tmp_path)
    encoders.save(Encoder(encoders.EncoderSettings()), tmp_path / init)
    assert both_keys(recipe) == before


def test_starting_weights_that_are_not_there_are_an_error_that_names_the_file(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.safetensors"):
        sslkit.run(on_folder(folder, init="nowhere.safetensors"), out=tmp_path)


def test_starting_weights_are_found_by_name_under_the_data(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    torch.manual_seed(0)
    encoders.save(Encoder(encoders.EncoderSettings()), tmp_path / "start.safetensors")
    named = sslkit.run(on_folder(folder, init="start.safetensors"), out=tmp_path)
    whole = on_folder(folder, init=str(tmp_path / "start.safetensors"))
    assert sslkit.run(whole, out=tmp_path).key == named.key
    assert named.recipe.encoder.init == "start.safetensors"


def test_auto_is_the_precision_that_it_stands_for() -> None:
    start = small()
    meant = precision("auto")
    (other,) = {"bf16-mixed", "32-true"} - {meant}
    assert both_keys(start) == both_keys(replace(start, precision=meant))
    for one, changed in zip(
        both_keys(start), both_keys(replace(start, precision=other)), strict=True
    ):
        assert one != changed


# ----------------------------------------------------- what decides nothing


def test_names_change_no_key() -> None:
    start = small()
    for label in ("profile", "variant", "arm"):
        named = replace(start, **{label: "a chapter's own"})
        assert both_keys(named) == both_keys(start), label


@pytest.mark.parametrize(
    ("whole", "same"),
    [
        (
            {"pretraining": Training(lr=1), "downstream": Training(warmup=0)},
            {"pretraining": Training(lr=1.0), "downstream": Training(warmup=0.0)},
        ),
        (
            {"augmentation": Augmentation(flip=1, hue=0, crop=(1, 1))},
            {"augmentation": Augmentation(flip=1.0, hue=0.0, crop=(1.0, 1.0))},
        ),
        ({"fraction": 1, "seed": 2}, {"fraction": 1.0, "seed": 2.0}),
    ],
)
def test_a_whole_number_and_the_same_float_are_one(
    whole: dict[str, Any], same: dict[str, Any]
) -> None:
    assert both_keys(replace(small(), **whole)) == both_keys(replace(small(), **same))


def test_true_is_not_one() -> None:
    assert keys.plain(value=True) is True
    assert json.dumps(keys.plain((1, True, None, "1"))) == '[1.0, true, null, "1"]'


# ------------------------------------------------------- knobs of later versions


@dataclass(frozen=True, kw_only=True)
class MoreRotNet(rotnet.Settings):
    """RotNet as a later version may have it."""

    later: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class MoreTraining(Training):
    """Training as a later version may have it."""

    later: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class MoreViews(Augmentation):
    """Views as a later version may have them."""

    later: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class MoreRecipe(Recipe):
    """A recipe as a later version may have it."""

    later: float | None = 0.0


def more(kind: Any, value: Any, later: float | None) -> Any:
    """The same settings with the new knob."""
    return kind(**vars(value), later=later)


def with_a_knob(where: str, later: float | None) -> Recipe:
    start = small()
    if where == "rotnet":
        return replace(start, method=more(MoreRotNet, start.method, later))
    if where == "training":
        trained = more(MoreTraining, start.pretraining, later)
        return replace(start, pretraining=trained)
    if where == "augmentation":
        views = more(MoreViews, start.augmentation, later)
        return replace(start, augmentation=views)
    made: Recipe = more(MoreRecipe, start, later)
    return made


@pytest.mark.parametrize("neutral", [0, None])
@pytest.mark.parametrize("where", ["rotnet", "training", "augmentation", "run"])
def test_a_new_knob_at_its_neutral_value_changes_no_key_and_at_another_it_does(
    where: str, neutral: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = both_keys(small())
    line = {**keys.NEUTRAL[where], "later": neutral}
    monkeypatch.setattr(keys, "NEUTRAL", {**keys.NEUTRAL, where: line})
    kinds = {MoreTraining: "training", MoreViews: "augmentation"}
    monkeypatch.setattr(keys, "_KINDS", {**keys._KINDS, **kinds})
    if where == "run":
        monkeypatch.setattr(keys, "_DOWNSTREAM", [*keys._DOWNSTREAM, "later"])
    assert both_keys(with_a_knob(where, neutral)) == start
    changed = both_keys(with_a_knob(where, 0.5))
    assert changed[1] != start[1]
    # The views of labels and what a recipe has beside its parts are the run's alone.
    assert (changed[0] != start[0]) == (where in ("rotnet", "training"))


def test_a_new_knob_that_the_table_does_not_know_is_in_the_key() -> None:
    assert both_keys(with_a_knob("rotnet", 0.0)) != both_keys(small())
