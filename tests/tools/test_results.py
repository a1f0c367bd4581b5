"""The committed records: which recipes, written how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from small_runs import forbid

import sslkit
from sslkit.figures import few_labels
from sslkit.runs import records, running
from sslkit.runs.records import Run
from sslkit.runs.store import write
from tools import results


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = sslkit.recipe("random", profile="smoke", limit=20, fraction=0.5)
    return sslkit.run(recipe, out=tmp_path_factory.mktemp("store"))


def test_records_are_published_under_their_profile_and_data(
    done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    results.publish("quick-shapes", iter([done]))
    (run,) = records.read(tmp_path / "quick-shapes")
    assert (run.key, run.recipe) == (done.key, done.recipe)


def test_recorded_runs_of_other_images_or_of_tuning_are_not_published(
    done: Run,
) -> None:
    assert not results._is_of(done, "quick-shapes")  # another profile
    quick = replace(done, recipe=replace(done.recipe, profile="quick"))
    assert results._is_of(quick, "quick-shapes")
    assert not results._is_of(quick, "study-small-cifar3")
    tuning = replace(quick, recipe=replace(quick.recipe, draw=100))
    assert not results._is_of(tuning, "quick-shapes")


def test_recorded_runs_are_written_without_doing_any(
    done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store" / "records"
    for profile, name in (("quick", "a"), ("smoke", "b")):
        one = replace(done.recipe, profile=profile)
        plain = records.to_record(replace(done, key=name, recipe=one))
        write(store / f"{name}.json", plain)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "book")
    for figure in ("ANSWER", "SCALING"):
        monkeypatch.setattr(results, figure, tmp_path / f"{figure}.svg")
    forbid(monkeypatch, running, "run", "run_all")
    words = ["--recorded", "--out", str(store.parent)]
    said = CliRunner().invoke(results.main, words)
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines()[0] == f"{tmp_path}/book/quick-shapes: 1 records"
    (run,) = records.read(tmp_path / "book")
    assert run.key == "a"
    # Both figures are drawn from the committed records.
    for figure in ("ANSWER", "SCALING"):
        assert "<svg" in (tmp_path / f"{figure}.svg").read_text()
    assert (tmp_path / "ANSWER.png").exists()


def test_every_published_set_has_recipes_of_its_profile() -> None:
    for one in results.recipes("quick-shapes"):
        assert (one.data.name, one.profile) == ("shapes", "quick")


def test_a_full_disk_leaves_the_figure_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(results, "ANSWER", tmp_path / "answer.svg")
    monkeypatch.setattr(few_labels, "label_curve", lambda *_, **__: Figure())
    results.draw_answer()
    for file in (tmp_path / "answer.svg", tmp_path / "answer.png"):
        before = file.read_bytes()
        full_disk(file)
        with pytest.raises(OSError, match=f"{file.name}' cannot be written"):
            results.draw_answer()
        assert file.read_bytes() == before
