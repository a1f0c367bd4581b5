"""Records: read from stores and from the book's lines, or refused by file and line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_runs import assert_equal, by_hand

from sslkit.runs import packing, records
from sslkit.runs.records import Run
from sslkit.runs.store import write


def test_a_run_comes_back_from_a_line_whole(tmp_path: Path) -> None:
    line = records.to_line(by_hand())
    assert "\n" not in line
    assert_equal(records.from_record(json.loads(line)), by_hand())


def test_a_run_comes_back_from_a_store_whole(tmp_path: Path) -> None:
    path = tmp_path / "records" / "0.json"
    write(path, records.to_record(by_hand()))
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
    write(tmp_path / "a.json", records.to_record(by_hand(4)))
    write(tmp_path / "b.json", records.to_record(by_hand(1)))
    assert [run.recipe.seed for run in records.read(tmp_path)] == [1, 3, 4, 5]


def test_two_results_under_one_key_are_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    one = by_hand()
    other = replace(one.scores["linear"], accuracy=0.75)
    write(tmp_path / "a.json", records.to_record(one))
    stale = replace(one, scores={"linear": other})
    (tmp_path / "b.jsonl").write_text(f"{records.to_line(stale)}\n")
    with pytest.raises(ValueError, match=rf"b\.jsonl' has other scores of {one.key}"):
        records.read(tmp_path)


def test_what_is_no_record_by_its_place_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "records" / "a.json", records.to_record(by_hand()))
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", r"one\.json' is not a record: it is no text"),
        (b"{}", r"one\.json' line 1 is not a record: it has no 'key'; remove it"),
        (b'{"recipe": ', r"one\.json' line 1 is not a record: Expecting value"),
    ],
)
def test_what_is_wrong_with_a_record_is_told_with_its_file(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "one.json").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        records.read(tmp_path)


def test_a_full_disk_names_the_file_of_lines_and_the_next_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.jsonl"
    one, two = (by_hand(seed) for seed in (1, 2))
    list(records.append(file, [one]))
    really = Path.open

    def full(path: Path, mode: str = "r", *words: Any, **named: Any) -> Any:
        opened = really(path, mode, *words, **named)
        if mode == "a":
            with opened:
                opened.write(records.to_line(two)[:50])
            raise OSError(28, "No space left on device")
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OSError, match=r"all\.jsonl' cannot be written \(No space"):
            list(records.append(file, [two]))
    with pytest.warns(UserWarning, match="half a line"):
        list(records.append(file, [one, two]))
    assert [run.key for run in records.read_file(file)] == [one.key, two.key]


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


# ---------------------------------------------- of a version or a class not known


def with_what_is_unknown(what: str) -> dict[str, Any]:
    """A record of a later version, or of a method that is not here."""
    plain: dict[str, Any] = json.loads(records.to_line(by_hand(7)))
    if what == "method":
        plain["recipe"]["method"] = {"tag": "moco", "queue": 4096}
    if what == "field of a recipe":
        plain["recipe"]["colour"] = "red"
    if what == "field of its data":
        plain["recipe"]["data"]["colour"] = "red"
    if what == "field of a method":
        plain["recipe"]["method"]["colour"] = "red"
    if what == "field of a score":
        plain["scores"]["linear"]["colour"] = 0.5
    return plain


UNKNOWN = {
    "method": "method 'moco' is not in METHODS",
    "field of a recipe": "Recipe has no field colour",
    "field of its data": "Data has no field colour",
    "field of a method": "Settings has no field colour",
    "field of a score": "Score has no field colour",
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_unknown_in_a_line_is_named_and_the_other_records_are_read(
    what: str, tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    lines = [records.to_line(by_hand(1)), json.dumps(with_what_is_unknown(what))]
    file.write_text("".join(f"{x}\n" for x in (*lines, records.to_line(by_hand(2)))))
    with pytest.warns(UserWarning, match=UNKNOWN[what]) as told:
        found = records.read(tmp_path)
    assert [run.key for run in found] == [by_hand(1).key, by_hand(2).key]
    assert [str(one.message).split(": ")[0] for one in told] == [
        f"'{file}' line 2 left out"
    ]


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_unknown_in_a_store_is_named_and_the_rest_of_the_store_is_read(
    what: str, tmp_path: Path
) -> None:
    write(tmp_path / "records" / "a.json", with_what_is_unknown(what))
    write(tmp_path / "records" / "b.json", records.to_record(by_hand(1)))
    with pytest.warns(UserWarning, match=rf"a\.json' line 1 left out: {UNKNOWN[what]}"):
        (run,) = records.read(tmp_path)
    assert_equal(run, by_hand(1))


def test_what_is_unknown_in_the_shared_line_leaves_out_only_who_shares_it(
    tmp_path: Path,
) -> None:
    own = by_hand(1)
    colours = {"recipe": {"colour": "red"}}
    lines = [{"shared": colours}, records.to_record(by_hand(2))]
    lines += [{"shared": {}}, records.to_record(own)]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))
    with pytest.warns(UserWarning, match="Recipe has no field colour"):
        (run,) = records.read(tmp_path)
    assert_equal(run, own)


def test_a_folder_of_nothing_but_unknown_records_has_none(tmp_path: Path) -> None:
    write(tmp_path / "a.json", with_what_is_unknown("method"))
    with (
        pytest.warns(UserWarning, match="moco"),
        pytest.raises(ValueError, match="no records"),
    ):
        records.read(tmp_path)


def test_records_are_appended_to_a_file_that_has_an_unknown_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "some.jsonl"
    strange = json.dumps(with_what_is_unknown("method"))
    file.write_text(f"{strange}\n")
    with pytest.warns(UserWarning, match="moco"):
        list(records.append(file, [by_hand(1)]))
    assert file.read_text() == f"{strange}\n{records.to_line(by_hand(1))}\n"


# ------------------------------------------------------------------ shared lines


def test_what_a_file_says_once_is_in_each_of_its_records(tmp_path: Path) -> None:
    every = [records.to_record(by_hand(seed)) for seed in (1, 2)]
    shared, rest = packing.pack(every)
    assert shared
    lines = [json.dumps(x) for x in ({"shared": shared}, *rest)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    for run, seed in zip(records.read(tmp_path), (1, 2), strict=True):
        assert_equal(run, by_hand(seed))
