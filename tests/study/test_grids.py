"""Grids: which recipes, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from sslkit.images.splits import split
from sslkit.runs import recipes, running
from sslkit.runs.recipes import Recipe
from sslkit.study import grids
from sslkit.study.grids import Images

SHAPES = Images(profile="study-small", data="shapes")


def test_every_arm_is_there_for_every_fraction_and_draw_and_no_recipe_twice() -> None:
    todo = list(
        grids.arms(Images(), fractions=(0.05, 0.25), curve=(0.25, 1.0), draws=3)
    )
    names = [recipes.describe(one) for one in todo]
    arms = [
        f"{arm}, fraction {fraction}, draw {draw}"
        for draw in range(3)
        for fraction in (0.05, 0.25)
        for arm in recipes.ARMS
    ]
    curve = [f"supervised, fraction 1, draw {draw}" for draw in range(3)]
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
    expected = recipes.recipe(recipes.ARMS[0], fraction=0.5, **told)  # type: ignore[arg-type]
    assert one == expected


def test_a_value_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="fraction is 2"):
        list(grids.arms(Images(), curve=(2,)))


# ----------------------------------------------------------------------- study


@pytest.fixture(scope="module")
def study() -> list[Recipe]:
    other = recipes.Data(name="shapes", limit=30)
    return list(grids.study(SHAPES, start="warm.safetensors", other=other))


def of(study: list[Recipe], variant: str) -> list[Recipe]:
    return [one for one in study if one.variant == variant]


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
        for jitter in (True, False):  # supervised and supervised-plain
            found = {f: counts["scratch", jitter, True, f] for f in (0.05, 0.25, 1.0)}
            assert found == {0.05: 10, 0.25: 5, 1.0: 3}
        assert counts["scratch", True, False, 0.05] == 10  # random, or the warm start
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


def test_a_variant_changes_one_factor(study: list[Recipe]) -> None:
    changes = {
        "warm": {"encoder"},
        "constant, random start": {"pretraining", "downstream", "probe"},
        "constant": {"encoder", "pretraining", "downstream", "probe"},
        "lr/3": {"downstream"},
        "seeds": {"seed"},
        "layers": {"protocols"},
        "field": {"pretraining", "downstream", "method"},
        "rotated": {"method"},
        "long": {"pretraining"},
        "all": {"pretrain"},
        "all, few steps": {"pretrain", "pretraining"},
        "budget, many steps": {"pretraining", "downstream"},
        "budget + other": {"extra_unlabelled", "pretraining"},
        "other alone": {"extra_unlabelled", "pretraining", "pretrain"},
    }
    base = {
        (one.arm, one.augmentation, one.fraction, one.draw, one.protocols[0]): one
        for one in of(study, "base")
    }
    for variant, factors in changes.items():
        assert of(study, variant), variant
        for one in of(study, variant):
            first = one.protocols[0] if variant != "layers" else "linear"
            start = base[one.arm, one.augmentation, one.fraction, one.draw, first]
            ours, theirs = vars(one), vars(start)
            changed = {name for name in ours if ours[name] != theirs[name]}
            # Five folds are judged in the base alone.
            assert changed - {"variant", "protocols"} <= factors, variant


def test_constant_is_a_sixtieth_of_the_rate_in_the_phase_that_it_governs(
    study: list[Recipe],
) -> None:
    phases = {
        "constant": (True, True),
        "constant pretext": (True, False),
        "constant downstream": (False, True),
    }
    (rate,) = {one.pretraining.lr for one in of(study, "base") if one.arm == "simclr"}
    for variant, (pretext, labels) in phases.items():
        for one in of(study, variant):
            if one.arm == "scratch":
                continue
            for phase, slow in ((one.pretraining, pretext), (one.downstream, labels)):
                assert phase.schedule == ("constant" if slow else "cosine"), variant
                if slow:
                    assert phase.lr == pytest.approx(rate / 60)
    assert {one.downstream.lr for one in of(study, "constant 5e-6")} == {5e-6}
    small = recipes.recipe("simclr", profile="study", schedule="constant")
    assert small.pretraining.lr == pytest.approx(5e-6)


def test_amounts_of_unlabelled_images_are_compared_at_equal_steps(
    study: list[Recipe],
) -> None:
    every = {(one.fraction, one.draw): one for one in of(study, "all")}
    for (fraction, draw), one in every.items():
        rows = split(running.load_images(one.data), fraction, draw)
        batch, epochs = one.pretraining.batch_size, one.pretraining.epochs
        few = epochs * -(-len(rows.train) // batch)
        many = epochs * -(-len(rows.unlabelled) // batch)
        tuning = one.downstream
        # Supervised training, too, takes as many as pretraining and fine-tuning.
        whole = many + tuning.epochs * -(-len(rows.train) // tuning.batch_size)

        def here(
            variant: str, at: tuple[float, int] = (fraction, draw)
        ) -> list[Recipe]:
            return [r for r in of(study, variant) if (r.fraction, r.draw) == at]

        assert {r.pretraining.steps for r in here("all, few steps")} <= {few}
        for variant in ("budget, many steps", "budget + other", "other alone"):
            pretrained = [r for r in here(variant) if r.method]
            assert {r.pretraining.steps for r in pretrained} <= {many}
        longer = [r for r in here("budget, many steps") if not r.method]
        assert {r.downstream.steps for r in longer} == {whole}
        extra = [r.extra_unlabelled for r in here("budget + other")]
        assert len(extra) == 1
        assert extra[0] is not None
        assert extra[0].limit is not None
        assert abs(3 * extra[0].limit - (len(rows.unlabelled) - len(rows.train))) < 3


def test_amounts_are_changed_at_every_share_of_the_study(study: list[Recipe]) -> None:
    def draws(variant: str, arm: str) -> dict[float, int]:
        found = Counter(one.fraction for one in of(study, variant) if one.arm == arm)
        return dict(found)

    shares = {0.05: 5, 0.25: 3, 0.5: 3}
    for arm in ("rotnet", "rotnet-jitter", "simclr"):
        assert draws("all", arm) == shares
        assert draws("all, few steps", arm) == {0.05: 5}
    assert draws("budget + other", "simclr") == shares
    assert draws("budget, many steps", "simclr") == shares
    assert draws("other alone", "simclr") == {0.05: 5}
    # Both supervised arms with few labels, and a whole curve up to all labels, where
    # there is nothing to add: pretraining on all images sees the budget there.
    curve = dict.fromkeys((0.025, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75), 3)
    assert draws("budget, many steps", "scratch") == {0.05: 10} | curve


def test_without_a_warm_start_or_another_source_their_variants_are_left_out() -> None:
    found = {one.variant for one in grids.study(SHAPES)}
    assert not found & {"constant", "warm", "constant 5e-6", "budget + other"}
    assert {"base", "seeds", "lr/3", "constant, random start", "all"} <= found
