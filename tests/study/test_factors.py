"""Factors: each variant changes one thing, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from sslkit.images.splits import split
from sslkit.learning.training import Training
from sslkit.methods import simclr
from sslkit.runs import inputs
from sslkit.runs.from_profile import recipe
from sslkit.runs.recipes import Recipe
from sslkit.study import factors
from sslkit.study.images import Images
from sslkit.views.augment import Augmentation


def of(study: list[Recipe], variant: str) -> list[Recipe]:
    return [one for one in study if one.variant == variant]


def test_a_variant_changes_one_factor(study: list[Recipe]) -> None:
    changes = {
        "warm": {"encoder"},
        "constant, random start": {"pretraining", "downstream", "probe"},
        "constant": {"encoder", "pretraining", "downstream", "probe"},
        "lr/3": {"downstream"},
        "seeds": {"seed", "pretraining_seed"},
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
    for variant, fields in changes.items():
        assert of(study, variant), variant
        for one in of(study, variant):
            first = one.protocols[0] if variant != "layers" else "linear"
            start = base[one.arm, one.augmentation, one.fraction, one.draw, first]
            ours, theirs = vars(one), vars(start)
            changed = {name for name in ours if ours[name] != theirs[name]}
            # Five folds are judged in the base alone.
            assert changed - {"variant", "protocols"} <= fields, variant


def test_with_the_hue_kept_a_view_changes_all_else() -> None:
    images = Images(data="shapes", profile="quick")
    for draw, kept in enumerate(factors.hue_kept(images)):
        base = images.recipe("simclr", fraction=0.05, draw=draw)
        assert isinstance(kept.method, simclr.Settings)
        assert kept.method.augmentation.hue == 0
        views = replace(kept.method.augmentation, hue=0.5)
        method = replace(kept.method, augmentation=views)
        same = {"protocols": base.protocols, "variant": "base"}
        assert replace(kept, method=method, **same) == base


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
            if one.method is None:
                continue
            for phase, slow in ((one.pretraining, pretext), (one.downstream, labels)):
                assert phase.schedule == ("constant" if slow else "cosine"), variant
                if slow:
                    assert phase.lr == pytest.approx(rate / 60)
    assert {one.downstream.lr for one in of(study, "constant 5e-6")} == {5e-6}
    small = recipe("simclr", profile="study", schedule="constant")
    assert small.pretraining.lr == pytest.approx(5e-6)


def test_amounts_of_unlabelled_images_are_compared_at_equal_steps(
    study: list[Recipe],
) -> None:
    every = {(one.fraction, one.draw): one for one in of(study, "all")}
    for (fraction, draw), one in every.items():
        rows = split(inputs.load_images(one.data), fraction, draw=draw)
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
    assert draws("budget, many steps", "supervised") == {0.05: 5} | curve
    assert draws("budget, many steps", "supervised-plain") == {0.05: 5}


def test_the_recipes_of_the_field_have_the_rates_of_their_sources(
    study: list[Recipe],
) -> None:
    """By hand, for the 64 images a step of this profile: a quarter of 256."""
    pretraining = {"rotnet": 0.05, "rotnet-jitter": 0.05, "simclr": 0.0075}
    every = of(study, "field")
    assert len(every) == 4 * 5
    for one in every:
        start = recipe(
            one.arm,
            profile="study-small",
            data="shapes",
            draw=one.draw,
            seed=one.draw,
        )
        assert one.downstream.batch_size == 64
        sgd = {"optimiser": "sgd", "weight_decay": 5e-4}
        if one.method is None:
            longer = replace(start.downstream, lr=0.05, **sgd)
            assert one.downstream == longer
            continue
        assert one.downstream == replace(start.downstream, lr=0.0125, **sgd)
        assert one.pretraining.lr == pytest.approx(pretraining[one.arm])
        assert replace(one.pretraining, lr=1) == replace(start.pretraining, lr=1, **sgd)
        assert one.probe == start.probe
    (first, *_) = (one for one in every if one.arm == "simclr")
    assert first.method == simclr.Settings(
        augmentation=Augmentation(
            crop=(0.2, 1.0),
            ratio=(3 / 4, 4 / 3),
            flip=0.5,
            jitter=0.8,
            brightness=0.4,
            contrast=0.4,
            saturation=0.4,
            hue=0.1,
            greyscale=0.1,
            blur=0.0,
        ),
        temperature=0.5,
    )


def test_the_long_simclr_is_that_of_the_studys_published_code(
    study: list[Recipe],
) -> None:
    (found,) = {one.pretraining for one in of(study, "long")}
    assert found == Training(
        optimiser="sgd",
        lr=0.15,
        schedule="cosine",
        warmup=0.0,
        epochs=1000,
        steps=None,
        batch_size=128,
        weight_decay=1e-6,
    )
    assert {one.arm for one in of(study, "long")} == {"simclr"}
