"""Published results: committed records and tables, where they are and how kept."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sslkit.images.files import whole
from sslkit.judging.scores import Score
from sslkit.runs import packing
from sslkit.runs.records import Run, read, to_frame, to_record
from sslkit.study.tables import ARM, DRAW, table

CURVES = "curves.csv.xz"  # of a published folder
EPOCHS = 200  # of a published history, at most
_SCORES = ["accuracy", "loss", "macro_recall"]
_SCORES += [f"{part}_{name}" for part in ("val", "last") for name in _SCORES[:2]]
_ROW = ["key", "phase", "epoch", "step"]


def file(name: str) -> Path | None:
    """A file or folder of published results, if it is there.

    Looked for below the folder that the environment variable ``SSLKIT_RESULTS`` names;
    without it, below ``results/`` in the working folder or in one right below that.
    """
    named = os.environ.get("SSLKIT_RESULTS")
    places = [Path("results"), *sorted(Path().glob("*/results"))]
    for place in [Path(named)] if named else places:
        if (place / name).exists():
            return place / name
    return None


def write(folder: Path, every: Iterable[Run]) -> None:
    """Write runs as ``runs`` finds them; what else the folder had goes away.

    Records without their histories and single predictions, numbers to six digits, a
    ``.jsonl`` an arm sorted by key, can be read in a diff: a line a record, below
    one that holds what most of them share. The histories, many more numbers, are one
    compressed table, a row an epoch: key, phase, epoch, step and a column a metric. Of
    a long one about ``EPOCHS`` are kept.

    Killed at any point, this leaves every file as it was or as it is to be, and the
    next call does the rest.

    Raises:
        OSError: If a file cannot be written; names it.
    """
    once = {one.key: one for one in every}
    arms: dict[Path, list[Run]] = {}
    for key in sorted(once):
        bare = _bare(once[key])
        name = re.sub("[^a-z0-9]+", "-", bare.recipe.arm) or "runs"
        arms.setdefault(folder / f"{name}.jsonl", []).append(bare)
    tidy = pd.concat([_thinned(one.history, key) for key, one in once.items()])
    wide = tidy.pivot(index=_ROW, columns="metric", values="value")
    with whole(folder / CURVES) as partial:  # first: no record is there without them
        wide.to_csv(partial, compression="xz")
    for target, alike in arms.items():
        shared, rest = packing.pack([to_record(one) for one in alike])
        lines = [{"shared": shared}, *rest] if shared else rest
        text = [json.dumps(x, sort_keys=True, separators=(",", ":")) for x in lines]
        with whole(target) as partial:
            partial.write_text("".join(f"{line}\n" for line in text))
    for stale in {*folder.iterdir()} - {*arms, folder / CURVES}:
        stale.unlink()


def _bare(one: Run) -> Run:
    """A run without its history and what its scores say of single images."""
    scores = {
        name: dataclasses.replace(score, predicted=(), **_rounded(score))
        for name, score in one.scores.items()
    }
    return dataclasses.replace(one, history=to_frame({}), scores=scores)


def _rounded(score: Score) -> dict[str, Any]:
    """The fields of a score that are no whole numbers, to six digits."""
    fields = {
        field.name: getattr(score, field.name) for field in dataclasses.fields(score)
    }
    return {k: float(f"{v:.6g}") for k, v in fields.items() if isinstance(v, float)}


def _thinned(history: pd.DataFrame, key: str) -> pd.DataFrame:
    """The first epoch of a history, every so many after it, and the last."""
    last = history.groupby("phase")["epoch"].transform("max")
    every = (last / EPOCHS).map(math.ceil)
    kept = ((history["epoch"] - 1) % every == 0) | (history["epoch"] == last)
    return history[kept].assign(key=key)


def runs(data: str, profile: str, *, histories: bool = True) -> list[Run]:
    """The book's committed records of a profile on some data; none is an empty list.

    They are in the folder ``PROFILE-DATA``, as ``file`` finds it and ``write`` writes
    it.

    Args:
        data: The image set.
        profile: The profile.
        histories: Without them, which take the longest to read, they are empty.
    """
    folder = file(f"{profile}-{Path(data).name}")
    if folder is None:
        return []
    if not histories:
        return read(folder)
    wide = pd.read_csv(folder / CURVES, dtype={"key": str})
    tidy = wide.melt(_ROW, var_name="metric").dropna().sort_values([*_ROW, "metric"])
    curves = {
        key: rows.drop(columns="key").reset_index(drop=True)
        for key, rows in tidy.groupby("key")
    }
    return [
        dataclasses.replace(one, history=curves.get(one.key, one.history))
        for one in read(folder)
    ]


def scores(sets: Iterable[Iterable[Run]]) -> pd.DataFrame:
    """The scores of several image sets in one table, a set below the other.

    Args:
        sets: Of each image set its runs, as from ``runs``; it may have none.

    Returns:
        From ``tables.table``, sets in the order given; without any run no row, but the
        columns that tell arms, draws and scores.
    """
    known = [list(each) for each in sets]
    found = [table(each) for each in known if each]
    if not found:
        return pd.DataFrame(columns=[*ARM, *DRAW, *_SCORES], dtype=float)
    return pd.concat(found, ignore_index=True)
