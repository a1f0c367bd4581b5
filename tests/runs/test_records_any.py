"""Any record: read as it was written; damaged, it is read or refused by its file."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis.strategies as st
from hypothesis import given, settings
from runs.any_recipes import any_recipe, count, positive, share
from small_runs import assert_equal, by_hand

from sslkit.judging.scores import Score
from sslkit.runs import records
from sslkit.runs.records import Run, to_frame
from sslkit.runs.store import Store
from sslkit.study import published

# The same examples every time, so that nobody meets another's failure.
same_examples = settings(derandomize=True, deadline=None)

digits = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.4g}"))
keys = st.text("0123456789abcdef", min_size=16, max_size=16)
phases = st.sampled_from(["pretrain", "linear", "finetune"])
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | digits | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
scores = st.builds(
    Score,
    accuracy=share,
    loss=positive,
    low=share,
    high=share,
    confusion=st.lists(st.lists(count, min_size=2, max_size=2), max_size=2),
    epoch=st.none() | count,
    last_accuracy=share,
    last_loss=positive,
    n_train=count,
    val_accuracy=st.none() | share,
    val_loss=st.none() | positive,
    seconds=st.floats(0, 1e6).map(lambda value: round(value, 2)),
    predicted=st.lists(st.integers(0, 9), max_size=4).map(tuple),
)


@st.composite
def histories(draw: st.DrawFn) -> records.History:
    """Of some phases, each with metrics of the same epochs."""
    table: records.History = {}
    for phase in draw(st.lists(phases, unique=True)):
        steps = draw(st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True))
        table[phase] = {"epoch": [*range(1, len(steps) + 1)], "step": sorted(steps)}
        for metric in draw(st.lists(st.sampled_from(["lr", "loss"]), unique=True)):
            table[phase][metric] = [draw(digits) for _ in steps]
    return table


@st.composite
def any_run(draw: st.DrawFn) -> Run:
    words = st.text("abcdefgh ,-0123456789", min_size=1, max_size=30)
    return Run(
        recipe=replace(draw(any_recipe()), variant=draw(words)),
        key=draw(keys),
        scores=draw(st.dictionaries(phases, scores, max_size=2)),
        history=to_frame(draw(histories())),
        about=draw(st.dictionaries(st.text(), plain, max_size=3)),
    )


@contextmanager
def empty_folder() -> Iterator[Path]:
    """An empty folder: of each example its own, which no fixture can give."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@settings(same_examples, max_examples=30)
@given(any_run())
def test_any_record_is_read_as_it_was_written(run: Run) -> None:
    assert_equal(records.from_record(json.loads(records.to_line(run))), run)


@settings(same_examples, max_examples=10)
@given(st.lists(any_run(), min_size=1, max_size=3, unique_by=lambda run: run.key))
def test_any_published_records_are_read_as_they_were_but_for_single_predictions(
    runs: list[Run],
) -> None:
    with empty_folder() as folder:
        published.write(folder / "some-set", runs)
        with mock.patch.dict("os.environ", SSLKIT_RESULTS=str(folder)):
            back = published.runs("set", "some")
    wanted = sorted(runs, key=lambda run: run.key)
    assert [run.key for run in back] == [run.key for run in wanted]
    for found, run in zip(back, wanted, strict=True):
        bare = published._bare(run).scores
        assert_equal(found, replace(run, scores=bare))


# -------------------------------------------------------------------- damaged


def read_or_refused(read: Callable[[Path], object], file: Path) -> None:
    """A file of records is read, or refused in a line that names it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of half a line, of a field not known here
        try:
            read(file)
        except ValueError as error:
            refused = str(error)
        else:
            return
    # Where all records of a file are left out there are none in the folder.
    assert str(file) in refused or refused == f"no records under '{file.parent}'"
    assert "\n" not in refused


def every(file: Path) -> list[Run]:
    return records.read(file.parent)


@settings(same_examples, max_examples=80)
@given(
    st.floats(0, 1),
    st.integers(0, 40),
    st.text(max_size=5) | st.sampled_from(['"', "{", "}", "]", ",", "NaN", "1e999"]),
    st.sampled_from(["a.json", "a.jsonl"]),
)
def test_damaged_text_is_read_or_refused_in_a_line_that_names_the_file(
    place: float, cut: int, put: str, name: str
) -> None:
    with empty_folder() as folder:
        published.write(folder, [by_hand(0), by_hand(1)])
        file = folder / name
        if name == "a.jsonl":
            (folder / "rotnet.jsonl").rename(file)
        else:
            (folder / "rotnet.jsonl").unlink()
            file.write_text(json.dumps(records.to_record(by_hand())))
        text = file.read_text()
        start = round(place * len(text))
        file.write_text(text[:start] + put + text[start + cut :])
        for read in (records.read_file, every):
            read_or_refused(read, file)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in plain values."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for name, one in inner:
        yield from places(one, (*path, name))


WHOLE = records.to_record(by_hand())
PLACES = [path for path in places(json.loads(json.dumps(WHOLE))) if path]


@settings(same_examples, max_examples=150)
@given(st.sampled_from(PLACES), plain | st.just(float("inf")), st.booleans())
def test_a_record_with_another_value_anywhere_is_read_or_refused(
    path: tuple[Any, ...], value: Any, gone: bool
) -> None:
    damaged = json.loads(json.dumps(WHOLE))
    inside = damaged
    for name in path[:-1]:
        inside = inside[name]
    if gone:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    with empty_folder() as folder:
        store = Store(folder)
        file = store.record("a")
        file.parent.mkdir()
        file.write_text(json.dumps(damaged))
        for read in (records.read_file, every, lambda file: store.read(file.stem)):
            read_or_refused(read, file)
