"""Watching a pretraining: every failure is told, health is not, and nothing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
import torch
from judging.watching import (
    BYOL,
    RATES,
    SHORT,
    Through,
    coloured,
    discs,
    marked,
    names,
    scenes,
    watch,
)
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.judging import alarms
from sslkit.judging import health as module
from sslkit.judging.health import Health, is_time
from sslkit.learning.encoders import Encoder
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.methods.pretraining import Pretrained, pretrain
from sslkit.views.random_numbers import RandomNumbers


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return scenes()


# -------------------------------------------------------------------- failures


def test_a_constant_encoder_is_a_collapse(images: ImageSet) -> None:
    found = watch(Through(numbers=0), images)
    assert names(found)[0] == "collapse"
    assert found.alarms[0].step == 10


def test_byol_with_nothing_that_keeps_it_from_it_collapses(images: ImageSet) -> None:
    broken = replace(BYOL, predictor=False, stop_gradient=False)
    found = watch(broken, images)
    assert "collapse" in names(found)
    assert found.watched.last("deviation") > 0.3, "its features do not show it"


def test_an_encoder_of_two_numbers_uses_few_directions(images: ImageSet) -> None:
    assert "few directions" in names(watch(Through(numbers=2), images))


@pytest.mark.parametrize("method", ["rotnet", "vicreg"])
def test_a_rate_of_100_is_too_high(method: str, images: ImageSet) -> None:
    found = watch(method, images, lr=100.0, steps=20, epochs=2)
    assert names(found)[0] == "rate too high"
    assert found.alarms[0].step == 10, "at once"


def test_simclr_whose_weights_grew_too_large_is_stuck(images: ImageSet) -> None:
    """Its loss looks well: embeddings have length one whatever the weights."""
    found = watch("simclr", images, lr=100.0, steps=20, epochs=2)
    assert names(found) == ["stuck"]


def test_what_has_no_up_leaves_rotnet_at_chance_and_says_nothing_of_its_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So far above chance that what 256 images scatter decides nothing here.
    monkeypatch.setattr(alarms, "OF_USE", 0.25)
    found = watch("rotnet", discs())
    assert {alarm.name: alarm.step for alarm in found.alarms} == {
        "neighbours at chance": 30,  # not before half of the training
        "at chance": 50,  # nor three quarters
    }


def test_a_mark_in_a_corner_is_a_shortcut_and_solves_the_task_early(
    images: ImageSet,
) -> None:
    still = rotnet.Settings(before=rotnet.STILL)
    assert {"shortcut", "solved early"} <= set(names(watch(still, marked(images))))
    assert names(watch(still, images)) == []


def test_light_from_above_is_a_shortcut() -> None:
    found = watch("rotnet", scenes(light=0.2))
    assert "shortcut" in names(found)
    assert found.watched.last("noise_accuracy") > 0.9


def test_two_views_that_are_the_same_are_found_without_looking(
    images: ImageSet,
) -> None:
    same = simclr.Settings(augmentation=rotnet.STILL)
    assert names(watch(same, images)) == ["solved early", "shortcut"]


def test_steps_that_destroy_what_random_features_say_are_forgetting() -> None:
    found = watch("rotnet", coloured(), lr=100.0)
    assert "forgetting" in names(found)
    assert names(found)[0] == "rate too high", "and why is said first"


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_said_of_a_training_that_goes_well_but_that_it_does(
    name: str, images: ImageSet
) -> None:
    said: list[str] = []
    method = BYOL if name == "byol" else METHODS[name]
    found = watch(method, images, said, lr=RATES.get(name, 1e-2))
    assert names(found) == []
    assert len(said) == 1
    assert said[0].startswith("learning: loss ")
    assert "nearest of 120 labelled images" in said[0]


# ------------------------------------------------------------- nothing changes


@dataclass(frozen=True, kw_only=True)
class Restless(simclr.Settings):
    """A method whose views take torch's own random numbers and whose forward counts."""

    def objective(self, encoder: Encoder) -> simclr.SimCLR:
        return RestlessObjective(encoder, self)


class RestlessObjective(simclr.SimCLR):
    def __init__(self, encoder: Encoder, settings: Restless) -> None:
        super().__init__(encoder, settings)
        self.register_buffer("calls", torch.zeros(()))

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        shape = len(images), 1, 1, 1
        return [view * torch.rand(shape) for view in super().views(images, random)]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        self.calls += 1
        told = super().forward(views, labels)
        return {**told, "loss": told["loss"] * (1 + self.calls / 100)}


@pytest.mark.parametrize("method", [*METHODS, Restless()], ids=[*METHODS, "restless"])
def test_a_watched_training_is_the_same_to_the_bit(
    method: Any, images: ImageSet
) -> None:
    training = replace(SHORT, epochs=3, steps=9)
    made: list[Pretrained] = []
    for watched in (True, False):
        found = Health(images, method, labelled=images.rows("train"), training=training)
        torch.manual_seed(5)
        made.append(
            pretrain(
                images,
                method,
                backbone="tiny",
                training=training,
                watch=found if watched else None,
            )
        )
    assert len(found.history) == 0
    one, other = (one.encoder.state_dict() for one in made)
    for name in one:
        assert torch.equal(one[name], other[name]), name
    pd.testing.assert_frame_equal(made[0].history, made[1].history, check_exact=True)


def test_a_watcher_draws_no_random_number_of_the_callers(images: ImageSet) -> None:
    before = torch.get_rng_state()
    watch(Restless(), images, steps=6)
    taken = torch.get_rng_state()
    torch.set_rng_state(before)
    pretrain(images, Restless(), backbone="tiny", training=replace(SHORT, steps=6))
    assert torch.equal(torch.get_rng_state(), taken)


@pytest.mark.filterwarnings("default")
def test_what_cannot_be_copied_is_trained_all_the_same_and_its_losses_watched(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def objective(settings: rotnet.Settings, encoder: Encoder) -> rotnet.RotNet:
        made = rotnet.RotNet(encoder, settings)
        made.kept = 2 * made.head.weight
        return made

    monkeypatch.setattr(rotnet.Settings, "objective", objective)
    with pytest.warns(UserWarning, match="no looks at a RotNet, only losses: ") as told:
        found = watch("rotnet", images, steps=6)
    assert len(told) == 6
    assert found.watched.seen("train_loss")
    assert not found.watched.seen("rank")


# -------------------------------------------------------------- what is looked at


def test_labels_outside_the_budget_and_test_images_are_never_seen(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: set[int] = set()
    take = ImageSet.take

    def spy(one: ImageSet, rows: Tensor) -> tuple[Tensor, Tensor]:
        taken.update(rows.tolist())
        return take(one, rows)

    monkeypatch.setattr(ImageSet, "take", spy)
    budget = images.rows("train")[:30]
    others = torch.ones(len(images), dtype=torch.bool)
    others[budget] = False
    labels = torch.where(
        others & (images.labels >= 0), 2 - images.labels, images.labels
    )
    assert not torch.equal(labels, images.labels)
    seen = []
    for one in (images, replace(images, labels=labels)):
        training = replace(SHORT, steps=6)
        found = Health(one, "rotnet", labelled=budget, training=training)
        pretrain(one, "rotnet", backbone="tiny", training=training, watch=found)
        seen.append(found.history)
    pd.testing.assert_frame_equal(*seen, check_exact=True)
    assert not taken & set(images.rows("test").tolist())


@pytest.mark.parametrize("which", ["rows", "labelled"])
def test_a_row_of_the_test_part_is_refused(which: str, images: ImageSet) -> None:
    with pytest.raises(ValueError, match="rows of the test part"):
        Health(images, "rotnet", **{which: images.rows("test")})


def test_no_rows_are_refused(images: ImageSet) -> None:
    with pytest.raises(ValueError, match="'shapes' has no images to learn from"):
        Health(images, "simclr", rows=images.rows("extra"))


def test_a_row_without_a_label_and_an_unknown_method_are_refused(
    images: ImageSet,
) -> None:
    rows = images.rows("unlabelled")
    with pytest.raises(ValueError, match=f"row {rows[0]} of 'shapes' has no label"):
        Health(images, "rotnet", labelled=rows[:1])
    with pytest.raises(ValueError, match="did you mean 'simclr'"):
        Health(images, "simlcr")


@pytest.mark.parametrize(
    ("epochs", "times"), [(1, 1), (2, 2), (10, 10), (30, 12), (400, 12)]
)
def test_looks_are_a_dozen_at_most_with_the_first_epoch_and_the_last(
    epochs: int, times: int
) -> None:
    when = [epoch for epoch in range(1, epochs + 1) if is_time(epoch, epochs)]
    assert len(when) == times
    assert {1, epochs} <= set(when)


def test_every_epoch_is_in_the_history_and_looks_are_where_they_were_taken(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKS", 2)
    found = watch("rotnet", images, epochs=4, steps=8)
    history = found.history
    assert list(history) == ["epoch", "step", "metric", "value"]
    steps = {m: rows["step"].tolist() for m, rows in history.groupby("metric")}
    for metric in ("train_loss", "train_accuracy", "lr"):
        assert steps[metric] == [2, 4, 6, 8]
    for metric in ("deviation", "rank", "gradient", "noise_accuracy", "neighbours"):
        assert steps[metric] == [2, 4, 8]
    assert history.query("step == 4")["epoch"].unique().tolist() == [2]


def test_without_labels_no_neighbours_are_looked_at(images: ImageSet) -> None:
    training = replace(SHORT, steps=6)
    found = Health(ImageSet.of(images.images), "simclr", training=training)
    pretrain(images, "simclr", backbone="tiny", training=training, watch=found)
    assert "neighbours" not in set(found.history["metric"])


def test_a_guess_is_one_among_as_many_images_as_a_batch_has(images: ImageSet) -> None:
    """360 images are dealt into 12 batches of 30, where at most 32 may be."""
    found = Health(images, "simclr", training=SHORT)
    chances = [found.watched.chance]
    few = Health(images, "simclr", rows=images.rows("train")[:20], training=SHORT)
    chances.append(few.watched.chance)
    assert chances == [pytest.approx(math.log(59)), pytest.approx(math.log(39))]


# ---------------------------------------------------------------- what is said


def test_an_alarm_is_said_once_and_the_last_line_names_them(images: ImageSet) -> None:
    said: list[str] = []
    found = watch("rotnet", images, said, lr=100.0)
    *alarms, end = said
    assert alarms == [f"alarm: {alarm}" for alarm in found.alarms]
    assert len({alarm.name for alarm in found.alarms}) == len(found.alarms) > 1
    assert end.startswith(f"in doubt ({', '.join(names(found))}): loss ")


def test_words_go_where_bars_go_and_nowhere_where_there_are_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    module.tell("learning")
    assert capsys.readouterr() == ("", "learning\n")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    module.tell("learning")
    assert capsys.readouterr() == ("", "")
