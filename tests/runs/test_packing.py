"""Packing: what most records share is said once, and nothing is lost."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sslkit.runs.packing import Plain, merge, pack

RESULTS = Path(__file__).parents[2] / "book/results"
FILES = sorted(RESULTS.glob("*/*.jsonl"))

# Few names and values, so that records share much and clash in shape: an empty dict
# beside one with entries, a number where another has a dict.
names = st.sampled_from(["a", "b", "key", "shared"])
leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([0.0, 1.0, 0.1, 1e300]),
    st.sampled_from(["", "x"]),
    st.lists(st.integers(0, 1), max_size=2),
)
plain = st.recursive(leaf, lambda inner: st.dictionaries(names, inner), max_leaves=8)
records = st.lists(st.dictionaries(names, plain), max_size=5)


def text(value: Any) -> str:
    """As JSON, where 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


@settings(max_examples=400, deadline=None)
@given(records)
def test_what_is_left_of_each_record_and_what_they_share_are_the_records(
    every: list[Plain],
) -> None:
    before = copy.deepcopy(every)
    shared, rest = pack(every)
    assert len(rest) == len(every)
    for left, record in zip(rest, before, strict=True):
        assert text(merge(shared, left)) == text(record)
    assert text(every) == text(before)  # none was changed


def test_the_commonest_value_is_shared_and_the_others_say_their_own() -> None:
    every = [
        {"key": "1", "recipe": {"lr": 0.1, "draw": i, "data": {"name": "a"}}}
        for i in range(3)
    ]
    every[2]["recipe"] |= {"lr": 0.2}  # type: ignore[operator]
    shared, rest = pack(every)
    assert shared == {"recipe": {"lr": 0.1, "data": {"name": "a"}}}
    assert rest == [
        {"key": "1", "recipe": {"draw": 0}},
        {"key": "1", "recipe": {"draw": 1}},
        {"key": "1", "recipe": {"draw": 2, "lr": 0.2}},
    ]


def test_values_that_python_takes_for_one_stay_apart() -> None:
    every = [{"a": x} for x in (True, True, 1, 1.0)]
    shared, rest = pack(every)
    assert shared == {"a": True}
    found = [merge(shared, left) for left in rest]
    assert text(found) == '[{"a": true}, {"a": true}, {"a": 1}, {"a": 1.0}]'


def test_one_record_shares_nothing() -> None:
    assert pack([{"a": 1}]) == ({}, [{"a": 1}])
    assert pack([]) == ({}, [])


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_a_committed_file_begins_with_what_its_records_share(file: Path) -> None:
    first, *rest = (json.loads(line) for line in file.read_text().splitlines())
    if not rest:  # one record shares nothing
        assert "key" in first
        return
    assert set(first) == {"shared"}
    assert [one["key"] for one in rest] == sorted(one["key"] for one in rest)
    again = pack([merge(first["shared"], one) for one in rest])
    assert text(again) == text((first["shared"], rest))  # as ``write`` would have it


def test_the_committed_results_are_within_five_megabytes() -> None:
    assert len(FILES) > 20
    size = sum(file.stat().st_size for file in RESULTS.rglob("*") if file.is_file())
    assert size <= 5_000_000
