"""Published records: a folder that can be read in a diff, and found again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_runs import assert_equal, by_hand

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs import records
from sslkit.runs.records import Run, to_frame
from sslkit.study import findings, published, tables


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


def named(key: str, arm: str) -> Run:
    run = by_hand()
    return replace(run, key=key, recipe=replace(run.recipe, arm=arm))


def test_a_published_folder_has_a_file_an_arm_sorted_by_key_and_the_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results" / "some-scenes"
    folder.mkdir(parents=True)
    (folder / "gone.jsonl").write_text("of an arm that there is no more")
    runs = [
        named("12e4", "simclr"),
        named("0012", "simclr"),
        named("b", "rotnet-jitter"),
        replace(named("c", "simclr"), history=to_frame({})),
    ]
    published.write(folder, [*runs, runs[0]])
    names = {file.name for file in folder.iterdir()}
    assert names == {"simclr.jsonl", "rotnet-jitter.jsonl", "curves.csv.xz"}
    bare = records.read_file(folder / "simclr.jsonl")
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


def test_scores_alone_are_read_without_the_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = named("12e4", "simclr")
    one = replace(one, about=one.about | {"counts": {"train": 4, "val": 1}})
    published.write(tmp_path / "some-scenes", [one])
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    whole = findings.recorded("scenes", "some")
    (tmp_path / "some-scenes" / published.CURVES).unlink()
    (bare,) = published.runs("scenes", "some", histories=False)
    assert bare.history.empty
    pd.testing.assert_frame_equal(findings.recorded("scenes", "some"), whole)


def test_publishing_that_is_stopped_at_any_file_leaves_each_old_or_new_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [named("a", "simclr"), named("b", "simclr"), named("c", "other")]
    before, after = tmp_path / "before", tmp_path / "after"
    published.write(before, runs[:1])
    published.write(after, runs)
    wanted = {file.name: file.read_bytes() for file in after.iterdir()}
    old = {file.name: file.read_bytes() for file in before.iterdir()}
    put = Path.replace
    for count in range(len(wanted)):
        folder = Path(shutil.copytree(before, tmp_path / f"stopped-{count}"))
        placed: list[str] = []

        def stop(
            self: Path, target: Path, placed: list[str] = placed, most: int = count
        ) -> Path:
            if len(placed) == most:
                raise KeyboardInterrupt
            placed.append(target.name)
            return put(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", stop)
            with pytest.raises(KeyboardInterrupt):
                published.write(folder, runs)
        assert placed[:1] in ([], [published.CURVES]), "no record without its curves"
        found = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert found == old | {name: wanted[name] for name in placed}
        published.write(folder, runs)
        found = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert found == wanted


@pytest.mark.parametrize("place", [".", "book"])
def test_a_file_is_found_below_the_folder_that_the_environment_names(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book" / "results").mkdir(parents=True)
    (tmp_path / "book" / "results" / "a.csv").touch()
    monkeypatch.chdir(tmp_path / place)
    monkeypatch.delenv("SSLKIT_RESULTS", raising=False)
    found = published.file("a.csv")
    assert found is not None
    assert found.samefile(tmp_path / "book" / "results" / "a.csv")
    assert published.file("b.csv") is None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.csv").touch()
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path / "other"))
    assert published.file("b.csv") == tmp_path / "other" / "b.csv"
    assert published.file("a.csv") is None


def test_a_file_of_several_records_begins_with_what_they_share(tmp_path: Path) -> None:
    published.write(tmp_path / "some", [named("a", "simclr"), named("b", "simclr")])
    first, *rest = (tmp_path / "some" / "simclr.jsonl").read_text().splitlines()
    assert json.loads(first)["shared"]["recipe"]["method"]["tag"] == "rotnet"
    assert [json.loads(line) for line in rest] == [{"key": "a"}, {"key": "b"}]


def test_published_scores_have_six_digits_and_no_single_predictions(
    tmp_path: Path,
) -> None:
    one = by_hand()
    score = replace(one.scores["linear"], loss=0.123456789, predicted=(0, 1))
    published.write(tmp_path / "some", [replace(one, scores={"linear": score})])
    (back,) = records.read(tmp_path / "some")
    assert back.scores["linear"] == replace(score, loss=0.123457, predicted=())


@pytest.mark.parametrize(
    ("epochs", "kept"),
    [
        (1, [1]),
        (200, [*range(1, 201)]),
        (201, [*range(1, 202, 2)]),
        (1000, [*range(1, 1001, 5), 1000]),
    ],
)
def test_of_a_long_history_about_two_hundred_epochs_are_kept_first_and_last_too(
    epochs: int, kept: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [("pretrain", i, 10 * i, "train_loss", 1 / i) for i in range(1, epochs + 1)]
    short = [("linear", i, 10 * i, "val_loss", 0.5 * i) for i in (1, 2, 3)]
    columns = ["phase", "epoch", "step", "metric", "value"]
    history = pd.DataFrame([*short, *long], columns=columns)
    run = replace(named("a", "simclr"), history=history)
    published.write(tmp_path / "results" / "some-scenes", [run])
    monkeypatch.chdir(tmp_path)
    (back,) = published.runs("scenes", "some")
    phases = dict(iter(back.history.groupby("phase")))
    assert phases["pretrain"]["epoch"].tolist() == kept
    assert phases["pretrain"]["value"].tolist() == [1 / i for i in kept]
    assert phases["linear"]["epoch"].tolist() == [1, 2, 3]  # each by its own length


def scored(data: str) -> Run:
    recipe = sslkit.recipe("supervised", data=data, profile="smoke")
    score = Score(
        accuracy=0.5,
        loss=1.0,
        low=0.4,
        high=0.6,
        confusion=[[5, 5], [5, 5]],
        epoch=1,
        last_accuracy=0.5,
        last_loss=1.0,
        n_train=8,
    )
    counts = {"train": 4, "val": 1}
    about = {"seconds": {}, "commit": "", "machine": "", "counts": counts}
    return Run(recipe, data, {"finetune": score}, pd.DataFrame(), about)


def test_scores_of_image_sets_stand_below_each_other_in_the_order_given() -> None:
    z, a = [scored("z")], [scored("a")]
    frame = published.scores([z, [], a])
    assert frame["data"].tolist() == ["z", "a"]
    one = published.scores([a])
    pd.testing.assert_frame_equal(one, tables.table(a))


def test_without_runs_there_are_no_rows_but_the_columns() -> None:
    frame = published.scores([[], []])
    assert frame.empty
    assert {*frame} <= {*tables.table([scored("a")])}
    assert tables.summarise(frame).empty
    assert tables.at_fraction(frame, 0.05).empty
    with pytest.raises(KeyError):
        frame["another"]
