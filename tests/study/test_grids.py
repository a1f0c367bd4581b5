"""Grids: which recipes, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_runs import noise

from sslkit.images import decoding, sources
from sslkit.runs import inputs
from sslkit.runs.from_profile import recipe
from sslkit.runs.recipes import Data, Recipe, describe
from sslkit.study import grids
from sslkit.study.images import ARMS, Images


def of(study: list[Recipe], variant: str) -> list[Recipe]:
    return [one for one in study if one.variant == variant]


def test_every_arm_is_there_for_every_fraction_and_draw_and_no_recipe_twice() -> None:
    todo = list(
        grids.arms(Images(), fractions=(0.05, 0.25), curve=(0.25, 1.0), draws=3)
    )
    names = [describe(one) for one in todo]
    arms = [
        f"{arm}, {100 * fraction:g} % of the labels, draw {draw}"
        for draw in range(3)
        for fraction in (0.05, 0.25)
        for arm in ARMS
    ]
    curve = [f"supervised, 100 % of the labels, draw {draw}" for draw in range(3)]
    assert Counter(names) == Counter(arms + curve)
    assert len(set(todo)) == len(todo)


def test_every_draw_has_a_seed_of_its_own_and_ends_before_the_next_begins() -> None:
    todo = list(grids.arms(Images(), draws=4))
    assert [one.draw for one in todo] == [one.seed for one in todo]
    assert [one.draw for one in todo] == sorted(one.draw for one in todo)
    assert set(Counter(one.draw for one in todo).values()) == {len(todo) // 4}


def test_what_a_grid_is_told_reaches_its_recipes() -> None:
    told = {
        "profile": "smoke",
        "data": "a/folder",
        "image_size": 48,
        "groups": r"(\w+)/g\d+_",
        "test": "group",
        "limit": 7,
    }
    images = Images(**told)  # type: ignore[arg-type]
    one, *_ = grids.arms(images, fractions=(0.5,), curve=(), draws=1)
    expected = recipe(ARMS[0], fraction=0.5, **told)  # type: ignore[arg-type]
    assert one == expected


def test_a_value_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="fraction is 2"):
        list(grids.arms(Images(), curve=(2,)))


# ----------------------------------------------------------------------- study


def test_the_base_has_the_draws_of_the_protocol(study: list[Recipe]) -> None:
    for variant in ("base", "constant"):
        counts = Counter(
            (one.arm, bool(one.augmentation.jitter), "finetune" in one.protocols)
            + (one.fraction,)
            for one in of(study, variant)
        )
        for arm in ("rotnet", "rotnet-jitter", "simclr"):
            found = {f: counts[arm, True, True, f] for f in (0.05, 0.25, 0.5, 1.0)}
            assert found == {0.05: 10, 0.25: 5, 0.5: 3, 1.0: 0}
        for arm, jitter in (("supervised", True), ("supervised-plain", False)):
            found = {f: counts[arm, jitter, True, f] for f in (0.05, 0.25, 1.0)}
            assert found == {0.05: 10, 0.25: 5, 1.0: 3}
        assert counts["random", True, False, 0.05] == 10  # random, or the warm start
    curve = {one.fraction for one in of(study, "base") if one.draw < 3} - {1.0}
    assert curve == {0.025, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75}


def test_a_draw_has_a_seed_of_its_own_but_where_seeds_are_compared(
    study: list[Recipe],
) -> None:
    assert all(one.seed == one.draw for one in study if one.variant != "seeds")
    more = [one for one in of(study, "seeds") if one.arm == "simclr"]
    seeds = Counter((one.draw, one.seed) for one in more)
    assert set(seeds.values()) == {1}
    assert Counter(draw for draw, _ in seeds) == dict.fromkeys(range(5), 2)
    assert all(draw != seed for draw, seed in seeds)


def test_no_recipe_of_the_study_comes_twice(study: list[Recipe]) -> None:
    assert len({replace(one, variant="") for one in study}) == len(study)


def test_without_a_warm_start_or_another_source_their_variants_are_left_out() -> None:
    images = Images(profile="study-small", data="shapes")
    found = {one.variant for one in grids.study(images)}
    assert not found & {"constant", "warm", "constant 5e-6", "budget + other"}
    assert {"base", "seeds", "lr/3", "constant, random start", "all"} <= found


def test_a_grid_is_listed_without_decoding_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was read")

    for module in (decoding, sources):
        monkeypatch.setattr(module, "read_images", fail)
    folder = noise(tmp_path / "own", train=40)
    other = noise(tmp_path / "other", train=60)
    images = Images(profile="study-small", data=str(folder), image_size=16)
    todo = list(grids.study(images, start="file", other=Data(name=str(other))))
    assert len(todo) > 500
    (alone,) = [one for one in of(todo, "other alone") if one.draw == 2]
    # Of the 80 images 5 % are 4, which all train: 2 labels a class. A fifth is held, so
    # 64 are seen without labels, 60 more than the 4, which is 30 of each class there.
    assert alone.extra_unlabelled is not None
    assert alone.extra_unlabelled.limit == 30
    assert alone.pretraining.steps == 30 * 1
    with pytest.raises(AssertionError, match="an image was read"):
        inputs.load_images(todo[0].data)
