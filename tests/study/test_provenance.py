"""Provenance of a set of records."""

from __future__ import annotations

from typing import Any

import pandas as pd

import sslkit
from sslkit.runs.records import Run
from sslkit.study import provenance


def run(draw: int, **about: Any) -> Run:
    known = {
        "seconds": {"pretrain": 1800.0, "linear": 120.0, "finetune": 600.0},
        "counts": {"test": 90},
        "date": "2026-01-02",
        "commit": "abc",
        "machine": "a machine",
        "fingerprint": "0123456789abcdef",
        "results_version": 2,
    }
    recipe = sslkit.recipe("rotnet", profile="smoke", draw=draw)
    return Run(recipe, str(draw), {}, pd.DataFrame(), known | about)


def test_what_records_have_in_common_is_said_once_and_what_differs_in_order():
    runs = [run(0, commit="b", date="2026-01-03"), run(1, commit="a"), run(1)]
    found = provenance.behind(runs)
    assert (found["runs"], found["draws"]) == (3, 2)
    assert found["commit"] == "a, abc, b"
    assert found["date"] == "2026-01-02, 2026-01-03"
    assert (found["profile"], found["encoder"]) == ("smoke", "tiny")
    assert found["test images"] == "90"
    assert found["fingerprint"] == "0123456789ab"
    assert found["results version"] == "2"
    size = runs[0].recipe.data.image_size
    assert found["image size"] == str(size)


def test_hours_are_those_of_all_phases_of_all_runs():
    assert provenance.behind([run(0), run(1)])["hours"] == 1.4


def test_no_records_have_an_empty_provenance():
    found = provenance.behind([])
    assert (found["runs"], found["hours"], found["commit"]) == (0, 0.0, "")
