"""Many recipes: here, in threads and in processes, what one after another gives."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from small_runs import (
    assert_same,
    assert_same_weights,
    encoder_files,
    forks,
    settled,
    small,
)

from sslkit.runs import records, running
from sslkit.runs.recipes import Recipe


def test_many_recipes_in_processes_give_what_one_after_another_gives(
    tmp_path: Path,
) -> None:
    todo = [
        small("supervised"),
        small("random"),
        small("simclr", protocols=("linear",)),
        small("simclr", protocols=("knn",)),
    ]
    serial = list(running.run_all(todo, out=tmp_path / "serial"))
    with ProcessPoolExecutor(2, forks) as pool:
        every = running.run_all(todo, out=tmp_path / "parallel", executor=pool)
        parallel = {run.recipe: run for run in every}
    assert [run.recipe for run in serial] == [settled(one) for one in todo]
    assert set(parallel) == {settled(one) for one in todo}
    for one in serial:
        assert_same(one, parallel[one.recipe])
    files = [encoder_files(tmp_path / name)[0] for name in ("serial", "parallel")]
    assert_same_weights(*files)


def test_threads_do_one_recipe_at_a_time_and_give_what_one_after_another_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[str] = []
    judge = running.judge

    def alone(*args: Any, **kwargs: Any) -> Any:
        inside.append("begun")
        assert inside == ["begun"]
        time.sleep(0.1)  # leaves the other thread its chance
        done = judge(*args, **kwargs)
        inside.clear()
        return done

    monkeypatch.setattr(running, "judge", alone)
    todo = [small("rotnet", seed=3), small("simclr", seed=4)]
    serial = list(running.run_all(todo, out=tmp_path / "serial"))
    with ThreadPoolExecutor(2) as pool:
        every = running.run_all(todo, out=tmp_path / "threads", executor=pool)
        threads = {run.recipe: run for run in every}
    for one in serial:
        assert_same(one, threads[one.recipe])


@pytest.mark.parametrize("here", [True, False])
def test_a_recipe_that_fails_is_named_and_does_not_stop_the_others(
    here: bool, tmp_path: Path
) -> None:
    wrong = small("random", data="no-such-set", draw=7)
    todo = [wrong, small("random", protocols=("knn",))]
    done = []
    with ThreadPoolExecutor(1) as pool:
        every = running.run_all(todo, out=tmp_path, executor=None if here else pool)
        with pytest.raises(ValueError, match="no-such-set") as caught:
            done.extend(every)
    assert caught.value.__notes__ == ["in random, 50 % of the labels, draw 7"]
    assert [run.recipe for run in done] == [settled(todo[1])]
    assert [run.recipe for run in records.read(tmp_path)] == [settled(todo[1])]


def test_who_stops_asking_for_runs_cancels_what_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    finish = threading.Event()

    def instead(recipe: Recipe, **_: Any) -> int:
        asked.append(recipe.draw)
        if recipe.draw == 1:
            finish.wait(60)
        return recipe.draw

    monkeypatch.setattr(running, "run", instead)
    todo = [small(draw=draw) for draw in range(9)]
    with ThreadPoolExecutor(1) as pool:
        every = running.run_all(todo, out=tmp_path, executor=pool)
        assert next(every) == 0
        every.close()  # what Ctrl-C does to it, too
        finish.set()
    assert set(asked) <= {0, 1}
