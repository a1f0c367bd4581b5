"""Where an arm's worth is recorded: by labels, and by images and steps of pretraining.

A ``frame`` is as ``gains`` describes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sslkit.study.gains import place_of
from sslkit.study.label_efficiency import bill


def recorded(
    frame: pd.DataFrame, method: str = "simclr", protocol: str = "linear"
) -> bool:
    """Whether an arm and supervised training have two budgets or more, a curve."""
    if frame.empty:
        return False
    base = frame[frame["variant"] == "base"]
    own = (base["method"] == method) & (base["protocol"] == protocol)
    curves = own, base["method"] == "supervised"
    return all(base.loc[rows, "labels"].nunique() > 1 for rows in curves)


def bills(
    frame: pd.DataFrame, method: str = "simclr", protocol: str = "linear"
) -> pd.DataFrame:
    """The bill of an arm with every budget, and at every place of its surface.

    Returns:
        As ``label_efficiency.bill``, with ``images`` and ``steps`` of pretraining:
        those of the place; NaN if there is no surface. The base saw every image for the
        longest, so it has the greatest of both; where the surface has that place, too,
        the base stands for it.

    Raises:
        ValueError: As ``label_efficiency.bill``.
    """
    own = frame[(frame["method"] == method) & (frame["protocol"] == protocol)]
    places: dict[str, Any] = {name: place_of(name) for name in own["variant"].unique()}
    surface = {name: place for name, place in places.items() if place is not None}
    table = bill(frame, method, protocol, variants=("base", *surface))
    known = pd.DataFrame(surface, index=["images", "steps"]).T
    known.loc["base"] = known.max()
    return table.join(known, on="variant").drop_duplicates(
        ["labels", "images", "steps"], ignore_index=True
    )


def nearest(rows: pd.DataFrame, *, images: float, steps: float) -> Any:
    """The row whose place is nearest, by the sum of its distances in logarithms.

    Nothing is interpolated: what is not recorded is shown as the nearest that is.

    Args:
        rows: With columns images and steps.
        images: Asked for.
        steps: Asked for.

    Returns:
        Its name in the index; of two that are equally near the first, and of rows
        without a place the first.
    """
    asked = pd.Series({"images": images, "steps": steps})
    far = (rows[[*asked.index]] / asked).apply(np.log).abs()
    return far.sum(axis=1).idxmin()
