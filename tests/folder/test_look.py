"""A look: on honest images and on those made to deceive; which labels it reads."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from folder import deceiving
from folder.deceiving import image_set
from images.made import fill

import sslkit
from sslkit.folder.files import headers
from sslkit.folder.look import Look, doubts, look
from sslkit.folder.words import of_look
from sslkit.images.imageset import ImageSet


def seen(images: ImageSet) -> Look:
    """With the labels of a quarter of the pool."""
    return look(images, budget=sslkit.split(images, 0.25).budget)


def test_it_counts_classes_parts_and_labels() -> None:
    images = deceiving.classes_by_colour()
    found = seen(images)
    each = {"train": 48, "test": 12}
    assert found.counts == {"0": each, "1": each}
    assert (found.seen, found.tested, found.unlabelled) == (96, 24, 0)
    assert (found.budget, found.size, found.balance) == (24, 16, 1)
    assert (found.groups, found.suggested, found.own_group) == (None, (), None)


def test_it_is_plain_values_for_json() -> None:
    found = seen(deceiving.patients_on_both_sides())
    kept = json.loads(json.dumps(dataclasses.asdict(found)))
    assert kept["counts"] == found.counts
    assert kept["suggested"][0]["pattern"] == found.suggested[0].pattern
    assert kept["own_group"]["share"] == found.own_group.share  # type: ignore[union-attr]


def test_labels_outside_the_budget_are_read_by_nothing_but_counts() -> None:
    images = deceiving.patients_on_both_sides()
    budget = sslkit.split(images, 0.25).budget
    others = torch.ones(len(images), dtype=torch.bool).index_fill_(0, budget, False)
    pixels = images.images.clone()
    free = [row for row in images.rows("train").tolist() if others[row]]
    first, last = free[0], free[-1]  # of patients of two classes
    pixels[last] = pixels[first]
    images = replace(images, images=pixels)
    found = look(images, budget=budget)
    assert (found.doubles.same, found.doubles.compared) == (1, 0)
    labels = images.labels.clone()
    labels[others] = 0
    changed = look(replace(images, labels=labels), budget=budget)
    assert changed.counts != found.counts
    assert replace(changed, counts=found.counts) == found
    labels = images.labels.clone()
    labels[budget] = labels[budget].flip(0)
    assert look(replace(images, labels=labels), budget=budget) != found


def test_what_test_images_show_is_read_by_nothing_but_doubles() -> None:
    images = deceiving.patients_on_both_sides()
    budget = sslkit.split(images, 0.5).budget
    found = look(images, budget=budget)
    other = images.images.clone()
    other[images.rows("test")] = 255 - other[images.rows("test")]
    assert found.own_group is not None
    assert look(replace(images, images=other), budget=budget) == found


def test_classes_told_by_colour_alone_are_found_out() -> None:
    found = seen(deceiving.classes_by_colour())
    assert found.colour is not None
    assert found.colour.low > 0.8
    assert found.up == "no"


def test_labels_of_noise_are_told_by_nothing() -> None:
    images = deceiving.labels_of_noise()
    found = look(images, budget=images.rows("train"))
    assert found.colour is not None
    assert found.colour.low < found.colour.chance
    assert doubts(found) == ()


def test_one_patient_on_both_sides_is_a_doubt() -> None:
    images = deceiving.patients_on_both_sides()
    found = seen(images)
    assert found.leaks
    (doubt,) = doubts(found)
    assert doubt.startswith("24 of 24 test images seem to be of a group")
    # Colour is the patient here: of patients that it has not seen it tells no class.
    every = look(images, budget=images.rows("train"))
    assert every.colour is not None
    assert every.colour.low < 0.6


def test_known_groups_are_taken_and_none_are_suggested() -> None:
    images = deceiving.patients_on_both_sides()
    whose = np.arange(120).astype(np.str_)
    whose[images.rows("train")] = np.repeat(list("abcdefghijkl"), 8)
    grouped = replace(images, groups=whose)
    found = look(grouped, budget=grouped.rows("train"))
    assert found.groups == {"0": 6, "1": 6}
    assert found.suggested == ()
    assert found.leaks
    assert doubts(found) == ()


@pytest.mark.parametrize(("several", "doubted"), [(3, True), (2, False)])
def test_doubles_of_test_images_are_a_doubt_unless_they_are_few(
    several: int, doubted: bool
) -> None:
    pixels = deceiving.noise(300)
    pixels[100 : 100 + several] = pixels[:several]
    images = image_set(pixels, np.arange(300) % 2, test=np.arange(100, 300))
    found = doubts(look(images))
    said = f"{several} of 200 test images are also among those that training may see"
    assert found == ((said,) if doubted else ())


@pytest.mark.parametrize(
    ("pixels", "up"),
    [
        (deceiving.upright(150), "yes"),
        (deceiving.lit(150), "light"),
        (deceiving.noise(150), "no"),
        (deceiving.noise(5), "open"),
    ],
)
def test_an_up_is_told_from_light_and_from_none(pixels: np.ndarray, up: str) -> None:
    assert look(image_set(pixels)).up == up


def test_thirty_images_are_looked_at_and_little_is_sure() -> None:
    images = deceiving.classes_by_colour(30)
    found = look(images, budget=sslkit.split(images, labels=2).budget)
    assert found.colour is not None
    assert found.colour.images == 4
    assert found.turn is not None
    assert found.turn.high - found.turn.low > 0.1
    assert "30" not in of_look(found).splitlines()[0]
    assert "24 images to learn from, 6 to test" in of_look(found)


def test_without_labels_all_is_said_that_needs_none() -> None:
    images = image_set(deceiving.upright(150))
    found = look(images)
    assert (found.counts, found.unlabelled, found.tested) == ({}, 150, 0)
    assert (found.colour, found.budget, found.up) == (None, 0, "yes")
    assert [*found.shown] == [""]
    assert len(found.shown[""]) == 8
    assert "no labels" in of_look(found)
    grouped = replace(images, groups=np.repeat(["a", "b", "c"], 50))
    assert look(grouped).groups == {"all images": 3}
    some = replace(images, groups=np.repeat(["a", "b", ""], 50))
    assert look(some).groups == {"all images": 2}, "no name is no group"


def test_images_to_show_have_labels_of_the_budget() -> None:
    images = deceiving.classes_by_colour()
    budget = sslkit.split(images, 0.25).budget
    shown = look(images, budget=budget).shown
    assert [*shown] == ["0", "1"]
    for label, rows in enumerate(shown.values()):
        assert set(rows) <= set(budget.tolist())
        assert set(images.labels[list(rows)].tolist()) == {label}


def test_files_that_only_decoding_finds_broken_are_named_too(tmp_path: Path) -> None:
    folder = fill(tmp_path / "set", {"a": 12, "b": 12}, "{i}.png")
    whole = (folder / "a/0.png").read_bytes()
    (folder / "a/0.png").write_bytes(whole[:50])
    with pytest.warns(UserWarning, match="1 of 24 files could not be read"):
        images = sslkit.load(folder, on_error="skip")
    found = look(images, files=headers(folder, ["a/0.png", "a/1.png"]))
    assert found.files is not None
    assert found.files.unreadable == {"a/0.png": "its pixels cannot be decoded"}
    assert "1 files cannot be read, the first 'a/0.png'" in of_look(found)


def test_the_screen_holds_what_was_seen_in_few_lines() -> None:
    images = deceiving.patients_on_both_sides()
    text = of_look(seen(images))
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 88
    for part in ("48 train", "12 test", "24 labels", "12 groups", "Beware: 24 of 24"):
        assert part in text


@pytest.mark.parametrize("name", ["blood8", "clothing3", "colon3"])
def test_real_images_look_as_they_are_known_to(name: str, real_images: Path) -> None:
    images = sslkit.load(real_images / name, image_size=32, limit=150)
    found = seen(images)
    assert found.up == {"blood8": "light", "clothing3": "yes", "colon3": "no"}[name]
    assert found.colour is not None
    assert (found.colour.low > 0.6) == (name != "clothing3")
    assert found.suggested == ()
