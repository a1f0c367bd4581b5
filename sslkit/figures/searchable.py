"""Long tables that a reader searches: ``book/_assets/search.js`` adds the field."""

from __future__ import annotations

import pandas as pd

from sslkit.figures.plots import MINUS, PROTOCOL_LABELS
from sslkit.runs.arms import arm_of

_SPACE = "\N{NO-BREAK SPACE}"


def table(rows: pd.DataFrame, *, name: str) -> str:
    """Write a table as HTML, to be searched where there is JavaScript.

    Args:
        rows: Texts; a number stands as it is.
        name: What the table is of, for those who hear a page.
    """
    html = rows.to_html(index=False, border=0, classes="searchable", na_rep="")
    return html.replace("<table ", f'<table aria-label="{name}" ', 1)


def cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the cells of the records for a reader, a mean and its interval as texts.

    Args:
        rows: From ``study.appendix.cells``.
    """
    return pd.DataFrame(
        {
            "images": rows["data"],
            "profile": rows["profile"],
            "variant": rows["variant"],
            "arm": [arm_of(name).label for name in rows["method"]],
            "judged": rows["protocol"].replace(PROTOCOL_LABELS),
            "labels": [
                f"{labels:,.0f} ({100 * share:.3g}{_SPACE}%)"
                for labels, share in zip(rows["labels"], rows["fraction"], strict=True)
            ],
            "draws": rows["draws"],
            "seeds": rows["seeds"].where(rows["seeds"] > 0, "").astype(str),
            **_numbers(rows, "accuracy (%)", "{:.1f}"),
        }
    )


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Name differences for a reader.

    Args:
        rows: From ``study.appendix.differences``.
    """
    named = rows[["data", "asked", "of", "pairs", "verdict"]]
    numbers = _numbers(rows, "points", "{:+.1f}")
    return named.rename(columns={"data": "images"}).assign(**numbers)[
        ["images", "asked", "of", "pairs", *numbers, "verdict"]
    ]


def _numbers(rows: pd.DataFrame, head: str, form: str) -> dict[str, pd.Series]:
    """A mean and its interval, with true minus signs; no interval for a single run."""
    texts = {
        name: rows[name].map(form.format).str.replace("-", MINUS)
        for name in ("mean", "low", "high")
    }
    ends = texts["low"] + " to " + texts["high"]
    return {head: texts["mean"], "95 % interval": ends.where(rows["low"].notna(), "")}
