"""What unlabelled images are worth, to play with: labels, images, steps and prices.

A ``frame`` is from ``tables.table``, as ``study.gains`` describes it. Where its records
do not suffice, a sentence that says so stands in place of a toy.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import ipywidgets
import pandas as pd
from IPython.display import HTML

from sslkit.figures import ladder, widgets
from sslkit.figures.few_labels import ARMS, as_good, label_curve
from sslkit.figures.live import missing, toy
from sslkit.figures.plots import arm_name
from sslkit.study import places
from sslkit.study.gains import curve, surface

SHARES = (0.01, 0.05)
"""Of the labels, for which the surface is recorded."""

_SPACE = "\N{NO-BREAK SPACE}"
_PRICES = {"price": "price of a label", "hour": "price of an hour"}
_LINES = ("labels", "computing", "paid", "alone", "saved")
_NOTE = (
    "Prices are in any currency. The time is that of all computing, on the machine "
    "that made the records; training on labels alone takes some, too, which is not "
    "counted. Estimates are shown to two digits."
)
_NO_CURVE = "There is nothing to weigh yet: no curve of labels is recorded."
_NO_SURFACE = "There is nothing to weigh yet: no images and steps are recorded."


def along_labels(
    frame: pd.DataFrame,
    *,
    arms: Sequence[tuple[str, str]] = ARMS,
    arm: tuple[str, str] = ("simclr", "linear"),
    classes: int | None = None,
) -> ipywidgets.VBox | HTML:
    """The label curve, and a slider that moves the start of its arrow.

    Args:
        frame: As the module describes.
        arms: Which curves, as for ``few_labels.label_curve``.
        arm: Where the arrow starts: method and protocol.
        classes: How many the images have.
    """
    if not places.recorded(frame, *arm):
        return missing(_NO_CURVE)
    budgets = curve(frame, *arm)["labels"]
    figures = [
        label_curve(frame, arms=arms, arrow=(*arm, int(n)), classes=classes)
        for n in budgets
    ]
    said = [one.axes[0].get_title(loc="left").replace("\n", " ") for one in figures]
    return widgets.frames(
        figures,
        labels=said,
        alt=[f"Accuracy over labels, and an arrow: {text}." for text in said],
        description="labels",
    )


def images_or_steps(
    frame: pd.DataFrame,
    *,
    arm: tuple[str, str] = ("simclr", "linear"),
    fractions: Sequence[float] = SHARES,
) -> ipywidgets.VBox | HTML:
    """The surface of images and steps, and two sliders that lead across it.

    Args:
        frame: As the module describes.
        arm: Method and protocol.
        fractions: Shares of the labels.
    """
    method, protocol = arm
    found = [
        surface(frame, fraction=share, method=method, protocol=protocol)
        for share in fractions
        if not frame.empty
    ]
    table = pd.concat(found) if found else pd.DataFrame()
    if table.empty or min(table["images"].nunique(), table["steps"].nunique()) < 2:
        return missing(_NO_SURFACE)
    table = table.reset_index(drop=True)
    images, steps = (sorted(table[name].unique()) for name in ("images", "steps"))
    asked = [[_place(table, i, s) for s in steps] for i in images]
    return widgets.crossing(
        [[ladder.surface(table, at=place) for _, place in row] for row in asked],
        labels=[[text for text, _ in row] for row in asked],
        alt=[
            [f"Accuracies by images and steps: {text}" for text, _ in r] for r in asked
        ],
        stops=([f"{i:,}" for i in images], [f"{s:,}" for s in steps]),
        descriptions=("images", "steps"),
    )


def _place(table: pd.DataFrame, images: int, steps: int) -> tuple[str, tuple[int, int]]:
    """What is recorded nearest to a place, in words, and where."""
    row = table.loc[places.nearest(table, images=images, steps=steps)]
    at = int(row["images"]), int(row["steps"])
    here = table[(table["images"] == at[0]) & (table["steps"] == at[1])]
    found = ", ".join(
        f"{mean:.1f} % with {100 * share:g} % of the labels"
        for share, mean in zip(here["fraction"], here["mean"], strict=True)
    )
    text = f"{at[0]:,} images for {at[1]:,} steps: {found}"
    return (text if at == (images, steps) else f"The nearest recorded: {text}"), at


# ------------------------------------------------------------------------- prices


def price_labels(
    frame: pd.DataFrame,
    *,
    arm: tuple[str, str] = ("simclr", "linear"),
    fraction: float = 0.01,
) -> HTML:
    """Let the reader price a label and an hour, and read what pretraining saves.

    The page's script ``toys/bill.js`` multiplies; what is worth what is all here, for
    every stop of the sliders.

    Args:
        frame: As the module describes.
        arm: Method and protocol.
        fraction: Share of the labels at which the slider starts, or near it.
    """
    if not places.recorded(frame, *arm):
        return missing(_NO_CURVE)
    rows = places.bills(frame, *arm)
    stops = {name: _stops(rows[name]) for name in ("labels", "images", "steps")}
    by_labels = dict(list(rows.groupby("labels")))
    found = [
        [
            [
                int(places.nearest(by_labels[n], images=i, steps=s))
                for s in stops["steps"]
            ]
            for i in stops["images"]
        ]
        for n in stops["labels"]
    ]
    first = rows.iloc[int((rows["fraction"] - fraction).abs().argmin())]
    sliders = {
        name: {"texts": [f"{x:,.0f}" for x in known], "at": known.index(first[name])}
        for name, known in stops.items()
        if len(known) > 1
    }
    data = {
        "name": arm_name(*arm),
        "rows": [_row(row, stops) for row in rows.to_dict("records")],
        "nearest": found,
        "sliders": sliders,
    }
    return toy("bill", _body(sliders, frame), data)


def _stops(values: pd.Series) -> list[float]:
    """Of a slider, in their order; one that is no number where there is none."""
    return sorted(values.dropna().unique().tolist()) or [math.nan]


def _row(row: Any, stops: dict[str, list[float]]) -> dict[str, Any]:
    """A line of the bills as the script takes it; what is no number becomes a text."""
    ends = {"start": int(row["start"]), "end": int(row["end"])}
    known = {name: _number(row[name]) for name in ("worth", "low", "high")}
    said = as_good(row["worth"], row["low"], row["high"], **ends)
    said = said.replace(" %", f"{_SPACE}%")
    made = {"labels": int(row["labels"]), "hours": round(row["hours"], 4)}
    made |= {**known, **ends, "said": said}
    if not math.isnan(row["images"]):
        made["place"] = f"{row['images']:,.0f} images for {row['steps']:,.0f} steps"
        made |= {name: stops[name].index(row[name]) for name in ("images", "steps")}
    return made


def _number(value: float) -> float | str:
    """What JavaScript reads as the same number; JSON knows no infinity and no NaN."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.4g}")


def _body(sliders: dict[str, Any], frame: pd.DataFrame) -> str:
    """The sliders and prices, the bill, and what it says."""
    dials = "".join(
        f'<label><span>{name}</span><input type="range" name="{name}" min="0" '
        f'max="{len(slider["texts"]) - 1}" value="{slider["at"]}">'
        '<span class="toy-value" aria-hidden="true"></span></label>'
        for name, slider in sliders.items()
    )
    dials += "".join(
        f'<label><span>{text}</span><input type="number" name="{name}" min="0" '
        'value="1" step="any" inputmode="decimal"></label>'
        for name, text in _PRICES.items()
    )
    lines = "".join(
        f'<tr><th scope="row">{line}</th><td data-line="{line}"></td></tr>'
        for line in _LINES
    )
    data, profile = frame[["data", "profile"]].iloc[0]
    note = html.escape(f"{_NOTE} {data}, profile {profile}.")
    return (
        f'<div class="toy-dials">{dials}</div>'
        f"<table><tbody>{lines}</tbody></table>"
        '<p class="toy-said" role="status"></p>'
        f'<p class="toy-hint">{note}</p>'
    )
