"""What a record says of how its pretraining went."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import assert_same, by_hand, small

import sslkit
from sslkit.judging.alarms import alarms
from sslkit.judging.looks import Labelled
from sslkit.judging.watched import Watched
from sslkit.runs import records, running, watching
from sslkit.runs.records import Run
from sslkit.study import published

LOOKED = {"deviation", "rank", "gradient", "noise_accuracy"}


def test_a_record_keeps_the_last_look_and_the_neighbours_of_its_budget(
    undisturbed: Run, store: Path
) -> None:
    health = undisturbed.about["health"]
    assert set(health) == LOOKED | {"chance", "neighbours", "labelled", "by_chance"}
    images = sslkit.load("shapes", limit=20)
    budget = sslkit.split(images, 0.5).budget
    labelled = Labelled.of(images, budget)
    encoder = undisturbed.encoder
    assert encoder is not None
    with torch.no_grad():
        features = encoder(images.images[labelled.rows] / 255)
    assert health["neighbours"] == pytest.approx(labelled.agreeing(features), abs=1e-3)
    assert health["labelled"] == len(budget) == 30
    assert health["by_chance"] == pytest.approx(labelled.by_chance, abs=1e-3)
    (read,) = records.read(store)
    assert read.about == undisturbed.about


def test_what_a_record_holds_is_read_as_the_alarms_read_it(undisturbed: Run) -> None:
    seen = watching.watched(undisturbed)
    assert seen is not None
    own = undisturbed.history.query("phase == 'pretrain'")
    for metric in ("train_loss", "val_accuracy"):
        assert seen.seen(metric) == own[own["metric"] == metric]["value"].tolist()
    assert (seen.step, seen.steps) == (4, 4)
    for metric in (*LOOKED, "neighbours"):
        assert seen.values[metric] == {4: undisturbed.about["health"][metric]}
    assert seen.chance == undisturbed.about["health"]["chance"]
    first, *rest = watching.said(undisturbed)
    assert first.startswith("rotnet, 50 % of the labels, draw 0: ")
    assert "by chance 1.39" in first
    assert rest == [str(alarm) for alarm in alarms(seen)]


def test_a_run_without_pretraining_says_nothing(tmp_path: Path) -> None:
    run = sslkit.run(small("random", protocols=("knn",)), out=tmp_path)
    assert "health" not in run.about
    assert watching.watched(run) is None
    assert watching.said(run) == []


def test_a_record_whose_history_is_kept_elsewhere_says_nothing() -> None:
    one = by_hand()
    assert watching.watched(replace(one, history=one.history.iloc[:0])) is None


def test_a_record_of_an_older_version_is_read_by_its_losses() -> None:
    seen = watching.watched(by_hand())
    assert seen is not None
    assert seen.values == {"train_loss": {3: 1.5}}
    assert [alarm.name for alarm in alarms(seen)] == ["at chance"]


def test_the_note_of_an_older_version_gives_the_neighbours_alone(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    first = sslkit.run(small(protocols=("knn",)), out=tmp_path)
    assert first.encoder_file is not None
    file = first.encoder_file.with_suffix(".json")
    note = json.loads(file.read_text())
    del note["health"]
    file.write_text(json.dumps(note))
    again = sslkit.run(small(protocols=("linear",)), out=tmp_path)
    assert set(again.about["health"]) == {"neighbours", "labelled", "by_chance"}
    assert watching.said(again)


def test_runs_that_share_an_encoder_say_once_what_is_in_doubt() -> None:
    def one(key: str, loss: float, labelled: int) -> Run:
        run, health = by_hand(), {"labelled": labelled, "by_chance": 0.5}
        history = run.history.assign(value=loss)
        about = {"pretraining_key": key, "health": {**health, "neighbours": 0.9}}
        return replace(run, history=history, about=about)

    runs = [one("stuck", 1.386, 90), one("stuck", 1.386, 30), one("well", 0.5, 30)]
    head, *rest = watching.in_doubt(runs)
    assert "in doubt (at chance)" in head
    assert "nearest of 90 labelled images" in head
    assert [line.split(",")[0] for line in rest] == ["at chance"]


def test_a_pretraining_that_is_found_done_says_how_it_went(
    undisturbed: Run, store: Path
) -> None:
    said: list[str] = []
    sslkit.run(undisturbed.recipe, out=store, say=said.append)
    assert said[3:] == "\n".join(watching.said(undisturbed)).splitlines()
    assert len(said) > 3


def test_what_is_no_number_is_not_kept() -> None:
    seen = {"gradient": {4: math.inf}, "rank": {2: 7.12345, 4: 6.98765}}
    assert watching.last_look(Watched(seen, 4)) == {"rank": 6.988}
    assert watching.last_look(Watched(seen, 4, chance=0.0))["chance"] == 0


def test_who_came_first_to_a_shared_pretraining_is_not_in_anothers_record(
    tmp_path: Path,
) -> None:
    recipes = [
        small(fraction=share, limit=40, pretrain="all", protocols=("knn",))
        for share in (0.25, 1.0)
    ]
    found: list[list[Run]] = []
    for number, order in enumerate((recipes, recipes[::-1])):
        runs = [sslkit.run(one, out=tmp_path / str(number)) for one in order]
        found.append(sorted(runs, key=lambda run: run.about["counts"]["train"]))
    for one, other in zip(*found, strict=True):
        assert_same(one, other)
        assert one.about["health"] == other.about["health"]
    small_one, large = found[0]
    assert small_one.about["health"]["labelled"] < large.about["health"]["labelled"]


def test_a_watched_run_is_the_run_that_it_was(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain = running.pretrain

    def unwatched(*args: Any, watch: Any, **rest: Any) -> Any:
        made = pretrain(*args, **rest)
        pretrain(*args, **{**rest, "checkpoint": None}, watch=watch)
        return made

    monkeypatch.setattr(running, "pretrain", unwatched)
    assert_same(sslkit.run(small(), out=tmp_path), undisturbed)


# ------------------------------------------------------------ published records


def test_the_runs_of_the_built_in_images_give_no_alarm() -> None:
    methods = set()
    for run in published.runs("shapes", "quick"):
        seen = watching.watched(run) if run.recipe.variant == "base" else None
        if seen is not None:
            methods.add(run.recipe.arm)
            assert alarms(seen) == []
    assert methods == set(sslkit.methods.METHODS)


def test_photographs_give_no_alarm_and_turns_of_jittered_tissue_are_at_chance() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for data in ("cifar3", "colon3"):
        for run in published.runs(data, "study-small"):
            base = run.recipe.variant == "base" and run.recipe.fraction == 0.5
            seen = watching.watched(run) if base else None
            if seen is not None:
                names = {alarm.name for alarm in alarms(seen)}
                found.setdefault((data, run.recipe.arm), set()).update(names)
    assert found == {
        ("cifar3", "rotnet"): set(),
        ("cifar3", "rotnet-jitter"): set(),
        ("cifar3", "simclr"): set(),
        ("colon3", "rotnet"): set(),  # a third of the turns are told all the same
        ("colon3", "rotnet-jitter"): {"at chance"},
        ("colon3", "simclr"): set(),
    }
