"""Tuning: settings applied, scored on pool images alone, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import sslkit
from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.runs import inputs, running
from sslkit.runs.profiles import PROFILES
from tools import tuning


@contextmanager
def here(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """In place of other processes, which would not see what a test changed."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


TINY = {"pretraining": {"lr": 0.02}, "method": {"temperature": 0.3}}


def test_a_setting_changes_the_fields_that_it_names_and_no_other() -> None:
    recipe = sslkit.recipe("simclr", profile="smoke")
    found = tuning.changed(recipe, TINY)
    assert found.pretraining == replace(recipe.pretraining, lr=0.02)
    assert found.method == replace(recipe.method, temperature=0.3)  # type: ignore[type-var]
    assert (
        replace(found, pretraining=recipe.pretraining, method=recipe.method) == recipe
    )


@pytest.mark.parametrize("profile", tuning.SEARCHES)
def test_an_arm_is_tuned_over_equally_few_settings_that_differ(profile: str) -> None:
    for search in tuning.SEARCHES[profile].values():
        start = sslkit.recipe(search.arm, profile=profile)
        tried = {tuning.changed(start, setting) for setting in search.settings}
        assert len(tried) == len(search.settings) == 6


def test_what_was_chosen_is_among_what_was_tried() -> None:
    for profile, searches in tuning.SEARCHES.items():
        for name in searches.keys() & PROFILES[profile].tuned.keys():
            start = sslkit.recipe(name, profile=profile)
            tried = [tuning.changed(start, each) for each in searches[name].settings]
            assert start in tried, (profile, name)


def test_scores_are_of_pool_images_outside_the_budget_and_never_of_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Split] = []
    judge = running.judge

    def instead(encoder: Any, images: ImageSet, split: Split, **rest: Any) -> Any:
        asked.append(split)
        return judge(encoder, images, split, **rest)

    monkeypatch.setattr(running, "judge", instead)
    monkeypatch.setattr(tuning, "SCORED", 50)
    recipe = sslkit.recipe("random", profile="smoke", draw=100, seed=100)
    found = tuning.scored(recipe, tmp_path)
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    (split,) = asked
    scored = split.test
    assert set(found) == {"linear"}
    assert len(scored) == 50
    assert torch.isin(scored, rows.pool).all()
    assert not torch.isin(scored, torch.cat([rows.budget, rows.test])).any()
    assert torch.equal(split.train, rows.train)
    labels = images.labels[scored]
    assert len(labels.unique()) == 3, "of every class"


def test_a_search_is_kept_by_setting_and_a_later_score_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "FILE", tmp_path / "tuning.csv")
    search = tuning.Search("random", [{"probe": {"lr": lr}} for lr in (1e-3, 1e-2)])
    monkeypatch.setitem(tuning.SEARCHES, "smoke", {"probe": search})
    words = ["smoke", "shapes", "probe", "--draws", "2", "--out", str(tmp_path)]
    monkeypatch.setattr("sslkit.runs.workers.processes", here)
    for _ in range(2):
        done = CliRunner().invoke(tuning.main, words)
        assert done.exit_code == 0, done.output
    kept = pd.read_csv(tuning.FILE)
    assert len(kept) == 4
    assert set(kept["draw"]) == {100, 101}
    assert set(kept["setting"]) == {
        '{"probe": {"lr": 0.001}}',
        '{"probe": {"lr": 0.01}}',
    }
    assert kept["accuracy"].between(0, 1).all()


def test_a_full_disk_leaves_the_scores_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(tuning, "FILE", tmp_path / "tuning.csv")
    row = pd.DataFrame([dict.fromkeys(tuning.BY, 0)])
    tuning.keep(row.assign(accuracy=0.5))
    full_disk(tuning.FILE)
    with pytest.raises(OSError, match=r"tuning\.csv' cannot be written"):
        tuning.keep(row.assign(accuracy=0.6))
    assert pd.read_csv(tuning.FILE)["accuracy"].tolist() == [0.5]
