"""Sweeping: what is left is said and done, and what was done is summed up."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from small_runs import (
    encoder_files,
    forbid,
    noise,
    on_folder,
    record_files,
    settled,
)

import sslkit
from sslkit.runs import costs, records, running
from sslkit.runs.recipes import Recipe
from sslkit.study import tables
from sslkit.study.sweeping import sweep


class Nobody(Executor):
    """An executor that must not be asked."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("work was begun")


@pytest.fixture
def todo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Three recipes of a tenth of a second; a rehearsal says an hour of each."""
    monkeypatch.setattr(costs, "predict", lambda left: 3600.0 * len(list(left)))
    folder = noise(tmp_path / "noise")
    return [
        on_folder(folder, method, draw=draw)
        for method, draw in (("random", 0), ("random", 1), ("rotnet", 0))
    ]


def test_a_dry_run_says_what_is_left_and_does_nothing(
    todo: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, said = tmp_path / "runs", list[str]()
    first = sslkit.run(todo[1], out=out)
    forbid(monkeypatch, running, "pretrain", "judge")
    found = sweep(
        todo,
        out=out,
        executor=Nobody(),
        file=tmp_path / "all.jsonl",
        dry_run=True,
        say=said.append,
    )
    assert said == [
        "3 recipes: 1 recorded already, 2 left",
        "about 2 hours of one worker as fast as this process",
    ]
    assert [run.key for run in found] == [first.key]
    assert len(record_files(out)) == 1
    assert not encoder_files(out)
    assert not (tmp_path / "all.jsonl").exists()


def test_a_sweep_does_what_is_left_and_sums_up(
    todo: list[Recipe], tmp_path: Path
) -> None:
    out, said = tmp_path / "runs", list[str]()
    first = sslkit.run(todo[1], out=out)
    with ThreadPoolExecutor(1) as executor:
        found = sweep(
            todo,
            out=out,
            executor=executor,
            file=tmp_path / "all.jsonl",
            say=said.append,
        )
    assert found[0].key == first.key  # those that were there come first
    assert {run.recipe for run in found} == {settled(one) for one in todo}
    assert len(record_files(out)) == 3
    kept = records.read_file(tmp_path / "all.jsonl")
    assert [run.key for run in kept] == [run.key for run in found]
    summary = tables.summarise(tables.table(found))
    assert len(said) == 3
    lines = said[2].splitlines()
    assert (
        lines[0].split()
        == "variant method protocol fraction runs mean low high".split()
    )
    assert [line.split()[1] for line in lines[1:]] == summary["method"].tolist()
    assert [line.split()[4] for line in lines[1:]] == ["2", "1"]


def test_a_sweep_of_what_is_done_asks_nobody_and_rehearses_nothing(
    todo: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, said = tmp_path / "runs", list[str]()
    for one in todo:
        sslkit.run(one, out=out)
    forbid(monkeypatch, costs, "predict")
    found = sweep(todo, out=out, executor=Nobody(), say=said.append)
    assert len(found) == 3
    assert said[0] == "3 recipes: 3 recorded already, 0 left"
    assert len(said) == 2


def test_a_recipe_that_is_asked_for_twice_is_done_once(
    todo: list[Recipe], tmp_path: Path
) -> None:
    said = list[str]()
    with ThreadPoolExecutor(1) as executor:
        found = sweep(
            [todo[0], todo[0]],
            out=tmp_path / "runs",
            executor=executor,
            say=said.append,
        )
    assert len(found) == 1
    assert said[0] == "1 recipes: 0 recorded already, 1 left"


def test_a_sweep_that_fails_sums_up_what_was_done(
    todo: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = running.run

    def instead(recipe: Recipe, **values: Any) -> Any:
        if recipe.draw == 1:
            raise FloatingPointError("the loss is nan")
        return run(recipe, **values)

    monkeypatch.setattr(running, "run", instead)
    said = list[str]()
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(FloatingPointError, match="nan"),
    ):
        sweep(todo, out=tmp_path / "runs", executor=executor, say=said.append)
    assert [line.split()[1] for line in said[2].splitlines()[1:]] == [
        "random",
        "rotnet",
    ]
