"""Watching: whether a recipe's pretraining learnt, while it runs and from its record.

Of what was looked at a record keeps the last: it is the same however often a training
was interrupted, and whichever of the recipes that share it came first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.alarms import Alarm, alarms, summary
from sslkit.judging.features import Features
from sslkit.judging.health import Health
from sslkit.judging.looks import Labelled
from sslkit.judging.watched import Watched
from sslkit.runs.keys import pretraining_key
from sslkit.runs.recipes import Recipe, describe
from sslkit.runs.records import Run
from sslkit.runs.store import Store

_OF_ALL = "deviation rank gradient noise_accuracy".split()  # of no recipe's own labels


def watcher(recipe: Recipe, images: ImageSet, learnt: Tensor, rows: Split) -> Health:
    """What watches the pretraining of a recipe, with the labels of its budget."""
    assert recipe.method is not None
    return Health(
        images,
        recipe.method,
        rows=learnt,
        labelled=rows.budget,
        training=recipe.pretraining,
    )


def last_look(watched: Watched) -> dict[str, float]:
    """What the note of a pretraining keeps, to four digits: what needed no label."""
    found = {metric: watched.last(metric) for metric in _OF_ALL}
    if watched.chance is not None:
        found["chance"] = watched.chance
    finite = {metric: v for metric, v in found.items() if math.isfinite(v)}  # for JSON
    return {metric: float(f"{value:.4g}") for metric, value in finite.items()}


def health(
    recipe: Recipe, features: Features, rows: Split, store: Store
) -> dict[str, dict[str, Any]]:
    """What a record says of how its pretraining went; nothing if there was none.

    Args:
        recipe: What was done.
        features: Of the pretrained encoder.
        rows: The label budget of the recipe.
        store: Where the note of the pretraining is.

    Returns:
        Under ``"health"`` the last look, and the neighbours within the recipe's own
        budget.

    Raises:
        ValueError: As ``Store.read_note``.
    """
    key = pretraining_key(recipe, features.images, rows)
    if key is None:
        return {}
    found = store.read_note(key).health
    labelled = Labelled.of(features.images, rows.budget)
    if len(labelled):
        same = labelled.agreeing(features.take(labelled.rows)[0])
        found |= {"neighbours": round(same, 4), "labelled": len(labelled)}
        found["by_chance"] = round(labelled.by_chance, 4)
    return {"health": found}


def watched(run: Run) -> Watched | None:
    """What a record says of its pretraining, as alarms read it; none without one.

    Records of older versions have the losses alone.
    """
    own = run.history[run.history["phase"] == "pretrain"]
    if run.recipe.method is None or own.empty:
        return None
    values = {
        str(metric): dict(zip(seen["step"], seen["value"], strict=True))
        for metric, seen in own.groupby("metric", sort=False)
    }
    end = int(own["step"].max())
    kept = run.about.get("health", {})
    for metric in (*_OF_ALL, "neighbours"):
        if metric in kept:
            values[metric] = {end: kept[metric]}
    chance = run.recipe.method.chance(run.recipe.pretraining.batch_size)
    return Watched(
        values,
        end,
        chance=kept.get("chance", chance),
        labelled=kept.get("labelled", 0),
        by_chance=kept.get("by_chance", 0.0),
    )


def said(run: Run) -> list[str]:
    """A line on how a run's pretraining went, then its alarms; none without one."""
    seen = watched(run)
    if seen is None:
        return []
    found: list[Alarm] = alarms(seen)
    return [f"{describe(run.recipe)}: {summary(seen, found)}", *map(str, found)]


def one_each(runs: Iterable[Run]) -> list[Run]:
    """One run for each encoder: that with the most labels has the surest neighbours."""

    def labelled(run: Run) -> int:
        return int(run.about.get("health", {}).get("labelled", 0))

    found: dict[str, Run] = {}
    for run in runs:
        known = found.setdefault(run.about["pretraining_key"], run)
        if labelled(run) > labelled(known):
            found[run.about["pretraining_key"]] = run
    return list(found.values())


def in_doubt(runs: Iterable[Run]) -> list[str]:
    """What ``said`` says of those pretrainings of some runs that gave an alarm.

    Runs that share an encoder say it once.
    """
    told = [said(run) for run in one_each(runs)]
    return [line for lines in told if len(lines) > 1 for line in lines]
