"""Published results: committed records and tables, where they are and how kept."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from sslkit.runs.records import Run, read, to_frame, to_line
from sslkit.study.tables import ARM, DRAW, table

CURVES = "curves.csv.xz"  # of a published folder
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

    Records without their histories, a ``.jsonl`` a variant sorted by key, can be read
    in a diff. The histories, many more numbers, are one compressed table, a row an
    epoch: key, phase, epoch, step and a column a metric.
    """
    once = {one.key: one for one in every}
    files: dict[Path, str] = {}
    for key in sorted(once):
        bare = dataclasses.replace(once[key], history=to_frame({}))
        target = folder / f"{re.sub('[^a-z0-9]+', '-', bare.recipe.variant)}.jsonl"
        files[target] = f"{files.get(target, '')}{to_line(bare)}\n"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in {*folder.iterdir()} - files.keys():
        stale.unlink()
    for target, text in files.items():
        target.write_text(text)
    tidy = pd.concat([one.history.assign(key=key) for key, one in once.items()])
    wide = tidy.pivot(index=_ROW, columns="metric", values="value")
    wide.to_csv(folder / CURVES)


def runs(data: str, profile: str) -> list[Run]:
    """The book's committed records of a profile on some data; none is an empty list.

    They are in the folder ``PROFILE-DATA``, as ``file`` finds it and ``write`` writes
    it.
    """
    folder = file(f"{profile}-{Path(data).name}")
    if folder is None:
        return []
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
