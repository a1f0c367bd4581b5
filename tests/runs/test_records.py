"""Records: read from stores and from the book's lines, or refused by file and line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs import records
from sslkit.runs.records import Run
from sslkit.study import published


def by_hand(seed: int = 0, method: str = "rotnet") -> Run:
    """A run that nobody did."""
    recipe = sslkit.recipe(method, profile="smoke", seed=seed)
    score = Score(
        accuracy=0.5,
        loss=0.7,
        low=0.4,
        high=0.6,
        confusion=[[3, 1], [3, 1]],
        epoch=2,
        last_accuracy=0.25,
        last_loss=0.9,
        n_train=12,
        seconds=1.5,
    )
    history = pd.DataFrame(
        [
            ("linear", 1, 2, "lr", 0.01),
            ("linear", 1, 2, "train_loss", 1.25),
            ("linear", 2, 4, "lr", 0.0),
            ("linear", 2, 4, "train_loss", 0.75),
            ("pretrain", 1, 3, "train_loss", 1.5),
        ],
        columns=["phase", "epoch", "step", "metric", "value"],
    )
    about = {"commit": None, "machine": "a machine", "seconds": {"linear": 1.5}}
    return Run(recipe, f"{seed:016x}", {"linear": score}, history, about)


def assert_equal(one: Run, other: Run) -> None:
    assert (one.recipe, one.key, one.scores, one.about, one.encoder) == (
        other.recipe,
        other.key,
        other.scores,
        other.about,
        other.encoder,
    )
    pd.testing.assert_frame_equal(one.history, other.history)


def test_a_run_comes_back_from_a_line_whole(tmp_path: Path) -> None:
    line = records.to_line(by_hand())
    assert "\n" not in line
    assert_equal(records.from_record(json.loads(line)), by_hand())


def test_a_run_comes_back_from_a_store_whole(tmp_path: Path) -> None:
    path = tmp_path / "records" / "0.json"
    records.write(path, records.to_record(by_hand()))
    (back,) = records.read(tmp_path)
    assert_equal(back, by_hand())
    assert [file.name for file in path.parent.iterdir()] == ["0.json"]


def test_equal_records_are_equal_lines_whatever_the_order_of_their_scores() -> None:
    run = by_hand()
    one = Run(run.recipe, run.key, {"a": run.scores["linear"]}, run.history, {})
    two = {**one.scores, "b": run.scores["linear"]}
    swapped = dict(reversed(two.items()))
    lines = {
        records.to_line(Run(run.recipe, run.key, scores, run.history, {}))
        for scores in (two, swapped)
    }
    assert len(lines) == 1


def test_a_history_keeps_four_digits() -> None:
    frame = pd.DataFrame(
        [("linear", 1, 2, "loss", 1.23456789), ("linear", 2, 4, "loss", 1.5e-9)],
        columns=["phase", "epoch", "step", "metric", "value"],
    )
    kept = records.to_frame(records.to_columns(frame))
    assert kept["value"].tolist() == [1.235, 1.5e-9]


def test_metrics_of_one_phase_keep_their_epochs_apart() -> None:
    rows = [
        (phase, epoch, 10 * epoch, metric, epoch + 0.5 * i)
        for phase in ("linear", "pretrain")
        for epoch in (1, 2, 3)
        for i, metric in enumerate(("lr", "train_loss", "val_loss"))
    ]
    frame = pd.DataFrame(rows, columns=["phase", "epoch", "step", "metric", "value"])
    back = records.to_frame(records.to_columns(frame))
    pd.testing.assert_frame_equal(back, frame)


def test_an_empty_history_stays_empty() -> None:
    frame = records.to_frame({})
    assert list(frame) == ["phase", "epoch", "step", "metric", "value"]
    assert records.to_columns(frame) == {}


def test_a_folder_of_json_and_lines_is_read_sorted_and_each_key_once(
    tmp_path: Path,
) -> None:
    lines = "\n".join(records.to_line(by_hand(seed)) for seed in (5, 1, 3))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "some.jsonl").write_text(f"{lines}\n")
    records.write(tmp_path / "a.json", records.to_record(by_hand(4)))
    records.write(tmp_path / "b.json", records.to_record(by_hand(1)))
    assert [run.recipe.seed for run in records.read(tmp_path)] == [1, 3, 4, 5]


def test_two_results_under_one_key_are_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    one = by_hand()
    other = replace(one.scores["linear"], accuracy=0.75)
    records.write(tmp_path / "a.json", records.to_record(one))
    stale = replace(one, scores={"linear": other})
    (tmp_path / "b.jsonl").write_text(f"{records.to_line(stale)}\n")
    with pytest.raises(ValueError, match=rf"b\.jsonl' has other scores of {one.key}"):
        records.read(tmp_path)


def test_what_is_no_record_by_its_place_is_not_read(tmp_path: Path) -> None:
    records.write(tmp_path / "records" / "a.json", records.to_record(by_hand()))
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "a.json").write_text('{"seconds": 1}')
    (tmp_path / "records" / ".b.json.123").write_text('{"key": "b", "rec')
    (tmp_path / "notes.txt").write_text("not JSON")
    assert len(records.read(tmp_path)) == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_records_is_an_error_that_names_it(
    exists: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "nothing-here"
    if exists:
        folder.mkdir()
    with pytest.raises(ValueError, match=r"no records .*nothing-here"):
        records.read(folder)


def damaged(how: str) -> str:
    """A line that is not quite a record."""
    plain: dict[str, Any] = json.loads(records.to_line(by_hand()))
    if how == "cut":
        return records.to_line(by_hand())[:200]
    if how == "blank":
        return ""
    if how == "list":
        return "[1, 2]"
    if how == "no scores":
        del plain["scores"]
    if how == "scores of another kind":
        plain["scores"] = [0.5]
    if how == "unknown field":
        plain["recipe"]["colour"] = "red"
    if how == "unknown score":
        plain["scores"]["linear"]["f1"] = 0.5
    if how == "unknown method":
        plain["recipe"]["method"] = {"file": "moco"}
    if how == "value out of range":
        plain["recipe"]["pretraining"]["lr"] = -1
    return json.dumps(plain)


@pytest.mark.parametrize(
    "how",
    [
        "cut",
        "blank",
        "list",
        "no scores",
        "scores of another kind",
        "unknown field",
        "unknown score",
        "unknown method",
        "value out of range",
    ],
)
def test_a_line_that_is_no_record_is_named_with_its_file(
    how: str, tmp_path: Path
) -> None:
    good = records.to_line(by_hand())
    file = tmp_path / "results.jsonl"
    file.write_text(f"{good}\n{damaged(how)}\n{good}\n")
    with pytest.raises(ValueError, match=r"results\.jsonl' line 2 is not a record"):
        records.read(tmp_path)


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(damaged("cut"))
    with pytest.raises(ValueError, match=r"one\.json' line 1 is not a record"):
        records.read(tmp_path)


def test_runs_pass_by_and_are_appended_each_key_once(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "some.jsonl"
    one, two, three = (by_hand(seed) for seed in (1, 2, 3))
    passing = records.append(file, iter([one, two, one]))
    assert next(passing) is one
    assert file.read_text() == f"{records.to_line(one)}\n"  # as it comes, whole
    assert list(passing) == [two, one]
    assert list(records.append(file, [three, two])) == [three, two]
    lines = file.read_text().splitlines()
    assert lines == [records.to_line(run) for run in (one, two, three)]


@pytest.mark.parametrize("length", [1, 50, -1])
def test_half_a_line_of_a_killed_process_is_left_out_and_written_anew(
    length: int, tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    one, two = (records.to_line(by_hand(seed)) for seed in (1, 2))
    file.write_text(f"{one}\n{two[:length]}")
    with pytest.warns(UserWarning, match="half a line"):
        (run,) = records.read_file(file)
    assert_equal(run, by_hand(1))
    with pytest.warns(UserWarning, match="half a line"):
        list(records.append(file, [by_hand(2)]))
    assert file.read_text() == f"{one}\n{two}\n"


def test_records_are_not_appended_to_what_is_no_file_of_lines(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"all\.json'"):
        list(records.append(tmp_path / "all.json", [by_hand()]))
    assert not list(tmp_path.iterdir())


def test_a_number_that_json_does_not_have_is_never_written(tmp_path: Path) -> None:
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="JSON"):
            records.write(tmp_path / "a.json", {"value": float(value)})
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("place", [".", "book"])
def test_published_records_are_found_from_the_root_and_from_the_book(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "book" / "results" / "no-such-profile-scenes"
    published.write(folder, [by_hand()])
    monkeypatch.chdir(tmp_path / place)
    (run,) = published.runs("scenes", "no-such-profile")
    assert_equal(run, by_hand())
    (run,) = published.runs("/some/where/scenes", "no-such-profile")
    assert run.key == by_hand().key
    assert published.runs("scenes", "another-profile") == []


def named(key: str, variant: str) -> Run:
    run = by_hand()
    return replace(run, key=key, recipe=replace(run.recipe, variant=variant))


def test_a_published_folder_has_a_file_a_variant_sorted_by_key_and_the_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results" / "some-scenes"
    folder.mkdir(parents=True)
    (folder / "gone.jsonl").write_text("of a variant that there is no more")
    runs = [
        named("12e4", "base"),
        named("0012", "base"),
        named("b", "constant, random start"),
        replace(named("c", "base"), history=records.to_frame({})),
    ]
    published.write(folder, [*runs, runs[0]])
    names = {file.name for file in folder.iterdir()}
    assert names == {"base.jsonl", "constant-random-start.jsonl", "curves.csv.xz"}
    bare = records.read_file(folder / "base.jsonl")
    assert [run.key for run in bare] == ["0012", "12e4", "c"]
    assert all(run.history.empty for run in bare)
    first = {file: file.read_bytes() for file in folder.iterdir()}
    published.write(folder, reversed(runs))
    assert {file: file.read_bytes() for file in folder.iterdir()} == first
    monkeypatch.chdir(tmp_path)
    back = {run.key: run for run in published.runs("scenes", "some")}
    assert len(back) == len(runs)
    for run in runs:
        assert_equal(back[run.key], run)
