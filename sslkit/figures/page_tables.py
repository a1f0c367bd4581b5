"""Tables of a page: what ``study`` computed, as texts in rows and columns."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from sslkit.figures.plots import PROTOCOL_LABELS, arm_name, signed
from sslkit.runs.arms import arm_of

_SPACE = "\N{NO-BREAK SPACE}"


def printed(figures: pd.DataFrame) -> pd.DataFrame:
    """The study's figures as loss / accuracy in per cent, a column a share of labels.

    Args:
        figures: From ``reports.printed``.
    """
    by = ["report", "method", "regime", "protocol"]
    texts = [
        f"{'–' if math.isnan(row.loss) else format(row.loss, '#.4g')} / "
        f"{100 * row.accuracy:.2f}"
        for row in _rows(figures)
    ]
    protocols = {f"{name}?": f"{text}?" for name, text in PROTOCOL_LABELS.items()}
    methods = {name: arm_of(name).label for name in figures["method"]}
    methods["simclr+kidney"] = "SimCLR + kidney"
    table = figures.assign(
        cell=texts,
        method=figures["method"].replace(methods),
        protocol=figures["protocol"].replace(PROTOCOL_LABELS | protocols),
    )
    order = pd.MultiIndex.from_frame(table[by].drop_duplicates())
    wide = table.pivot(index=by, columns="fraction", values="cell")
    wide = wide.reindex(order).fillna("")
    shares: list[Any] = list(wide)
    heads = [f"{100 * share:g}{_SPACE}%" for share in shares]
    return wide.set_axis(heads, axis="columns")


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def contrasts(named: pd.DataFrame) -> pd.DataFrame:
    """Contrasts with their intervals and p-values, in points, a row each.

    Args:
        named: From ``study.answers.named_before``.
    """
    lines = {
        contrast(row): {
            "points": signed(100 * row.mean),
            "95 % interval": _ends(row.low, row.high),
            "pairs": row.pairs,
            "p": "" if math.isnan(row.p) else f"{row.p:.2g}",
            "p by Holm": "" if math.isnan(row.holm) else f"{row.holm:.2g}",
        }
        for row in _rows(named)
    }
    return pd.DataFrame(lines).T


def contrast(row: Any) -> str:
    """The name of a row of ``contrasts.contrasts``, as of ``itertuples``."""
    return f"{arm_name(row.method, row.protocol)}, less {arm_of(row.against).label}"


def _ends(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{signed(100 * low)} to {signed(100 * high)}"
