"""What a figure shows, for tests."""

from __future__ import annotations

import io
import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from sslkit.runs.arms import arm_of

SHARES = (0.05, 0.25, 0.5, 1.0)
SUPERVISED = (0.5, 0.7, 0.8, 0.9)


def rows(
    method: str, protocol: str, means: dict[float, float]
) -> list[dict[str, object]]:
    same = {
        "data": "shapes",
        "profile": "quick",
        "method": method,
        "protocol": protocol,
    }
    return [
        {**same, "fraction": x, "runs": 5, "mean": y, "low": y - 0.03, "high": y + 0.02}
        for x, y in means.items()
    ]


def summary() -> pd.DataFrame:
    """A summary as of ``tables.summarise``."""
    return pd.DataFrame(
        rows(
            "simclr", "linear", dict(zip(SHARES, (0.8, 0.82, 0.84, 0.86), strict=True))
        )
        + rows(
            "simclr",
            "finetune",
            dict(zip(SHARES, (0.74, 0.8, 0.85, 0.91), strict=True)),
        )
        + rows("rotnet", "linear", {0.05: 0.55, 0.25: 0.6})
        + rows("rotnet", "finetune", {0.05: 0.73, 0.25: 0.75})
        + rows("supervised", "finetune", dict(zip(SHARES, SUPERVISED, strict=True)))
        + rows("supervised-plain", "finetune", {0.05: 0.6})
        + rows("random", "linear", dict.fromkeys(SHARES, 0.4))
    )


def labelled(axes: Axes) -> dict[str, object]:
    return {line.get_label(): line for line in axes.get_lines()}


def points(axes: Axes, colour: str, marker: str) -> set[tuple[float, float]]:
    """Rounded places of all markers of a kind and colour."""
    return {
        (round(float(x), 6), round(float(y), 6))
        for line in axes.get_lines()
        if line.get_marker() == marker and to_hex(line.get_color()) == to_hex(colour)
        for x, y in zip(*line.get_data(), strict=True)
    }


def of(method: str) -> tuple[str, str]:
    return arm_of(method).colour, arm_of(method).marker


def colour_of(method: str) -> str:
    return to_hex(arm_of(method).colour)


def lines(axes: Axes, method: str, label: str | None = None) -> list[Line2D]:
    """The lines in a method's colour, perhaps only those called so."""
    return [
        line
        for line in axes.get_lines()
        if to_hex(line.get_color()) == colour_of(method)
        and label in (None, line.get_label())
    ]


def dots(axes: Axes, method: str) -> list[tuple[float, float]]:
    """Places of the scattered marks in a method's colour."""
    return [
        (float(x), float(y))
        for cloud in axes.collections
        if isinstance(cloud, PathCollection)
        for (x, y), colour in zip(
            cloud.get_offsets(),
            itertools.cycle(cloud.get_facecolors()),
            strict=False,
        )
        if to_hex(colour) == colour_of(method)
    ]


def texts(figure: Figure) -> str:
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found)


def ticks(axes: Axes) -> list[str]:
    return [tick.get_text() for tick in axes.get_yticklabels()]


def bars(axes: Axes) -> set[tuple[float, ...]]:
    """Rounded ends (x, y, x, y) of all intervals."""
    return {
        tuple(segment.round(6).ravel().tolist())
        for intervals in axes.collections
        if isinstance(intervals, LineCollection)
        for segment in intervals.get_segments()
    }


def rendered(figure: Figure) -> np.ndarray:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return np.asarray(Image.open(file).convert("RGB"))
