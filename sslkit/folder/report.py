"""The report: one page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from sslkit.folder.verdict import Decision, Option, in_words, named

_TEMPLATE = "report.html"


class Picture(NamedTuple):
    """A figure of the report.

    Attributes:
        source: As a ``data:`` address.
        alt: For whom cannot see it.
        caption: That stands alone.
    """

    source: str
    alt: str
    caption: str


def picture(
    figure: Figure, *, alt: str, caption: str, photographs: bool = False
) -> Picture:
    """A figure as it stands in a page without any other file.

    Args:
        figure: Of ``sslkit.figures``.
        alt: What it shows, in words.
        caption: What to see in it.
        photographs: As pixels rather than as drawing.
    """
    kind, mime = ("png", "image/png") if photographs else ("svg", "image/svg+xml")
    file = BytesIO()
    figure.savefig(file, format=kind, dpi=130, bbox_inches="tight")
    text = base64.b64encode(file.getvalue()).decode()
    return Picture(f"data:{mime};base64,{text}", alt, caption)


def render(
    name: str,
    *,
    decision: Decision | None,
    ways: Sequence[Option],
    seconds: Sequence[float],
    classes: int,
    figures: Sequence[Picture],
    health: Sequence[str],
    next_: pd.DataFrame,
    next_why: str,
    next_figure: Picture | None,
    look: str,
    advice: str,
    images: Sequence[Picture],
    files: Sequence[str],
    provenance: Sequence[tuple[str, str]],
) -> str:
    """The page; whatever comes from files or their names is escaped.

    Args:
        name: Of the images.
        decision: What was found, or none: there were no labels, or no time.
        ways: What was tried, in the order of validation.
        seconds: That each of them took, a draw.
        classes: How many there are.
        figures: Of what was tried.
        health: What was watched while encoders learnt, in sentences.
        next_: Columns ``file`` and ``reason``: what to label next.
        next_why: How they were chosen.
        next_figure: Those images.
        look: What the images are, as text.
        advice: What was advised, as text.
        images: Pictures of them.
        files: What lies beside the page, in sentences.
        provenance: Names and values.
    """
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows: list[dict[str, Any]] = [
        {
            "name": named(way),
            "validation": _percent(way.validation),
            "accuracy": _percent(way.accuracy),
            "draws": len(way.right),
            "time": f"{took:.0f} s",
        }
        for way, took in zip(ways, seconds, strict=True)
    ]
    if decision is None:
        verdict = "There is no verdict: it takes labels, and time for a few trials."
    else:
        verdict = in_words(decision)
    return pages.get_template(_TEMPLATE).render(
        name=name,
        side=decision.side if decision else "open",
        verdict=verdict,
        because=_because(decision),
        settles=decision.settles if decision else (),
        ways=rows,
        chance=f"{100 / max(classes, 1):.0f}",
        figures=figures,
        health=health,
        next=next_.to_dict("records"),
        next_why=next_why,
        next_figure=next_figure,
        look=look,
        advice=advice,
        images=images,
        files=files,
        provenance=provenance,
    )


def _because(decision: Decision | None) -> list[str]:
    if decision is None:
        return []
    return [
        f"{decision.draws} draws of labels met {decision.units:,} test "
        f"{decision.unit}; both enter the interval. It speaks of the one encoder that "
        "was pretrained here, which lies beside this page."
    ]


def _percent(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.1f} %"
