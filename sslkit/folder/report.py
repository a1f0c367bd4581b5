"""The report: one page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sslkit.folder.pictures import Picture
from sslkit.folder.verdict import Decision, Option, in_words, named

_TEMPLATE = "report.html"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a report says.

    Attributes:
        name: Of the images.
        look: What they are, as text.
        advice: What was advised, as text.
        decision: What was found; ``None``: there were no labels, or no time.
        ways: What was tried, in the order of validation.
        chance: What always answering one class gets, in [0, 1].
        pictures: Of what was tried.
        health: How each pretraining went, in sentences.
        wanted: What to label next, columns file and reason; ``None`` if there is
            nothing without a label.
        asked: Those images.
        shown: Pictures of the images.
        kept: What lies beside the page, in sentences.
        provenance: By name.
    """

    name: str
    look: str
    advice: str
    decision: Decision | None
    ways: Sequence[Option]
    chance: float
    pictures: Sequence[Picture]
    health: Sequence[str]
    wanted: pd.DataFrame | None
    asked: Picture | None
    shown: Sequence[Picture]
    kept: Sequence[str]
    provenance: Mapping[str, object]


def render(page: Page) -> str:
    """The page as HTML; whatever comes from files or their names is escaped."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"percent": _percent, "named": named}
    if page.decision is None:
        verdict = "There is no verdict: it takes labels, and time for a few trials."
    else:
        verdict = in_words(page.decision)
    wanted = [] if page.wanted is None else page.wanted.to_dict("records")
    return pages.get_template(_TEMPLATE).render(
        page=page, verdict=verdict, wanted=wanted
    )


def _percent(value: float) -> str:
    """A share of a hundred; nothing for none."""
    return "" if pd.isna(value) else f"{value:.1f} %"
