"""The committed records: which recipes, written how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import sslkit
from sslkit import records
from sslkit.records import Run
from tools import results


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = sslkit.recipe("random", profile="smoke", limit=20, fraction=0.5)
    return sslkit.run(recipe, out=tmp_path_factory.mktemp("store"))


def test_records_are_sorted_and_keep_the_curves_of_the_first_draws(
    done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert len(done.history)
    runs = [
        replace(done, key=key, recipe=replace(done.recipe, draw=draw, variant=variant))
        for key, draw, variant in (
            ("d", 0, "base"),
            ("b", 1, "base"),
            ("c", 2, "base"),
            ("a", 0, "all"),
            ("e", 1, "all"),
        )
    ]
    folder = tmp_path / "quick-shapes"
    folder.mkdir()
    (folder / "gone.jsonl").write_text("of a variant that there is no more")
    results.publish("shapes", runs)
    assert {file.name for file in folder.iterdir()} == {"all.jsonl", "base.jsonl"}
    keys = [run.key for run in records.read_file(folder / "base.jsonl")]
    assert keys == ["b", "c", "d"]
    kept = records.read(folder)
    assert [len(run.history) > 0 for run in kept] == [True, True, False, True, False]
    assert [run.scores for run in kept] == [done.scores] * 5


def test_a_variant_s_name_becomes_a_file_s(
    done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    named = replace(done.recipe, variant="constant, random start")
    results.publish("shapes", [replace(done, recipe=named)])
    assert (tmp_path / "quick-shapes" / "constant-random-start.jsonl").is_file()


def test_recorded_runs_of_other_images_or_of_tuning_are_not_published(
    done: Run,
) -> None:
    assert not results._is_of(done, "shapes")  # another profile
    quick = replace(done, recipe=replace(done.recipe, profile="quick"))
    assert results._is_of(quick, "shapes")
    assert not results._is_of(quick, "cifar3")
    tuning = replace(quick, recipe=replace(quick.recipe, draw=100))
    assert not results._is_of(tuning, "shapes")


def test_every_published_set_has_recipes_of_its_profile() -> None:
    for one in results.recipes("shapes"):
        assert (one.data.name, one.profile) == ("shapes", "quick")
