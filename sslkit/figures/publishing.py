"""What studies with one run an arm would have printed, still and to play with.

A ``table`` is from ``study.orders.studies``, with its arms. Colours and labels are
those of ``runs.arms``.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sslkit.figures.live import missing, toy
from sslkit.figures.plots import (
    PROTOCOL_LABELS,
    SMALL,
    WIDTH,
    arm_name,
    footnote,
    nothing,
)
from sslkit.runs.arms import arm_of
from sslkit.study.orders import STUDIED, Judged

_SPACE = "\N{NO-BREAK SPACE}"
_BUTTONS = {"Publish a study": 1, "Publish ten": 10, "Start again": 0}
_NONE = "no draw has a run of every arm"


def winners(table: pd.DataFrame, *, arms: Sequence[Judged] = STUDIED) -> Figure:
    """Show how often each arm was the best of its study, a panel a share of the labels.

    Args:
        table: As the module describes.
        arms: Its arms, and how each was judged.

    Raises:
        ValueError: If it mixes data sets or profiles.
    """
    if table.empty:
        return nothing(_NONE)
    shares = sorted(table["fraction"].unique())
    size = WIDTH, 1.7 + 0.3 * len(arms)
    figure = Figure(figsize=size, layout="constrained")
    row = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
    methods = [method for method, _ in arms]
    colours = [arm_of(method).colour for method in methods]
    for axes, share in zip(row, shares, strict=True):
        own = table[table["fraction"] == share]
        won = own["best"].value_counts().reindex(methods, fill_value=0)
        bars = axes.barh(range(len(arms)), won, 0.66, color=colours)
        axes.bar_label(bars, padding=3)
        axes.set(xlim=(0, 1.15 * len(own)), ylim=(len(arms) - 0.5, -0.5))
        axes.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        head = f"{100 * share:g} % of the labels"
        axes.set_title(f"{head}\n{_orders(own)}", loc="left", size=SMALL)
    names = [arm_name(*arm).replace(", ", ",\n") for arm in arms]
    row[0].set_yticks(range(len(arms)), names)
    row[len(shares) // 2].set_xlabel("studies in which it is the best")
    footnote(figure, table, "a study: one run of every arm, with one draw of labels")
    return figure


def _orders(own: pd.DataFrame) -> str:
    """How many orders the studies print, and how often the one that the study did."""
    printed, kinds = int(own["as_printed"].sum()), own["order"].nunique()
    orders = f"{kinds} order" if kinds == 1 else f"{kinds} orders"
    return f"{len(own)} studies, {orders};\nthe study's own: {printed}×"


def publish(table: pd.DataFrame, *, arms: Sequence[Judged] = STUDIED) -> HTML:
    """Let the reader press, and see the table that a study would have printed.

    The page's script ``toys/publish.js`` picks one draw at each share and counts; every
    number is here.

    Args:
        table: As the module describes.
        arms: Its arms, and how each was judged.
    """
    if table.empty:
        return missing(f"There is nothing to publish yet: {_NONE}.")
    labels = {method: arm_of(method).label for method, _ in arms}
    shares = [
        {"name": _percent(share), "studies": [_study(row, labels) for row in own]}
        for share, own in _by_share(table)
    ]
    data = {"arms": list(labels.values()), "shares": shares}
    return toy("publish", _body(table, arms), data)


def _by_share(table: pd.DataFrame) -> list[tuple[Any, list[Any]]]:
    return [
        (share, own.to_dict("records"))
        for share, own in table.groupby("fraction", sort=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:g}{_SPACE}%"


def _study(row: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """What one study prints at a share: texts, and what they say."""
    return {
        "values": [f"{100 * row[method]:.2f}" for method in labels],
        "best": list(labels).index(row["best"]),
        "order": ", ".join(labels[method] for method in row["order"]),
        "printed": bool(row["as_printed"]),
    }


def _body(table: pd.DataFrame, arms: Sequence[Judged]) -> str:
    """The buttons, what they say, and two tables with a row an arm."""
    counts = [(_percent(share), len(own)) for share, own in _by_share(table)]
    heads = "".join(f'<th scope="col">{name}</th>' for name, _ in counts)
    cells = "<td></td>" * len(counts)
    names = [
        f'<span style="background:{arm_of(method).colour}"></span>'
        f"{html.escape(arm_of(method).label)}"
        for method, _ in arms
    ]
    rows = "".join(_row(name, cells) for name in names)
    head = f'<thead><tr><th scope="col">labels</th>{heads}</tr></thead>'
    last = _row("the study's order", cells) + _row("different orders", cells)
    buttons = "".join(
        f'<button type="button" class="toy-button" data-studies="{count}">{text}'
        "</button>"
        for text, count in _BUTTONS.items()
    )
    judged = ", ".join(
        f"{arm_of(method).label}: {PROTOCOL_LABELS[protocol]}"
        for method, protocol in arms
    )
    draws = ", ".join(f"{count} at {name}" for name, count in counts)
    data, profile = table[["data", "profile"]].iloc[0]
    note = (
        "A study takes one of our draws of labels at each share, and each comes once "
        f"before one comes again; there are {draws}. {judged}. {data}, profile "
        f"{profile}."
    )
    return (
        f'<div class="toy-row">{buttons}</div>'
        '<div class="toy-tables">'
        f"<table><caption></caption>{head}<tbody>{rows}</tbody></table>"
        f"<table><caption></caption>{head}<tbody>{rows}</tbody>"
        f"<tfoot>{last}</tfoot></table></div>"
        '<p class="toy-said" role="status"></p>'
        f'<p class="toy-hint">{html.escape(note)}</p>'
    )


def _row(name: str, cells: str) -> str:
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'
