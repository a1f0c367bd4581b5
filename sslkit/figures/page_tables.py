"""Tables of a page: what ``study`` computed, as texts in rows and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sslkit.figures.plots import PROTOCOL_LABELS, signed
from sslkit.runs.arms import arm_of
from sslkit.study.cells import COMMONEST
from sslkit.study.label_value import Worth

_SPACE = "\N{NO-BREAK SPACE}"
_CLAIMS = {"higher": "worth more", "lower": "worth less"}


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


def cells(
    means: pd.DataFrame,
    *,
    head: str,
    opened: bool = False,
    variants: Mapping[str, str] | None = None,
) -> str:
    """Loss / accuracy (macro-recall), a row an arm, under a line that folds the table.

    Args:
        means: From ``cells.means``, of one variant unless they are named.
        head: The line.
        opened: Whether the table is open at first.
        variants: Names of variants in their order; each gives rows of its own.

    Returns:
        HTML.
    """
    is_open = " open" if opened else ""
    start = f"<details{is_open}><summary>{head}</summary>"
    if means.empty:
        return f"{start}<p>No records yet.</p></details>"
    ranks = {
        "method": list(means["method"].unique()),
        "variant": ["", *(variants or means["variant"].unique())],
        "protocol": ["", *PROTOCOL_LABELS],
    }
    order = {name: {x: i for i, x in enumerate(names)} for name, names in ranks.items()}
    rows = means.sort_values(
        list(ranks), key=lambda column: column.map(order[str(column.name)])
    )
    table = rows.assign(
        arm=[_arm(row, variants) for row in _rows(rows)],
        judged=rows["protocol"].replace(PROTOCOL_LABELS),
        cell=[_cell(row) for row in _rows(rows)],
    )
    by = ["arm", "judged"]
    index = pd.MultiIndex.from_frame(table[by].drop_duplicates(), names=[None, None])
    wide = table.pivot(index=by, columns="fraction", values="cell")
    wide = wide.reindex(index).fillna("")
    draws = dict(zip(rows["fraction"], rows["draws"], strict=True))
    heads = [f"{100 * share:g} %,<br>draws: {draws[share]}" for share in sorted(draws)]
    wide = wide.set_axis(heads, axis="columns")
    return f"{start}{wide.to_html(escape=False, border=0)}</details>"


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def _arm(row: Any, variants: Mapping[str, str] | None) -> str:
    if row.method == COMMONEST:
        return "commonest class"
    name = "warm start, as it is" if row.method == "start" else arm_of(row.method).label
    return f"{name}: {variants[row.variant]}" if variants else name


def _cell(row: Any) -> str:
    if math.isnan(row.loss):  # nobody's network
        return f"– / {100 * row.accuracy:.1f} ({100 * row.recall:.1f})"
    loss = _spelled(row.loss, row.loss_half, 2)
    # Rounded, so that no error of floating point decides a tie.
    accuracy = _spelled(round(100 * row.accuracy, 6), 100 * row.accuracy_half, 1)
    return f"{loss} /<br>{accuracy}{_SPACE}({100 * row.recall:.1f})"


def _spelled(mean: float, half: float, digits: int) -> str:
    """A mean with half its interval, if it has one."""
    if math.isnan(half):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f}{_SPACE}±{_SPACE}{half:.{digits}f}"


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
    return f"{judged(row.method, row.protocol)}, less {arm_of(row.against).label}"


def _ends(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{signed(100 * low)} to {signed(100 * high)}"


def equivalents(one: Worth) -> pd.DataFrame:
    """Every arm's label equivalent and what may be claimed of it, a column a share.

    Args:
        one: From ``label_value.worth``.
    """
    ends = one.curve["fraction"].min(), one.curve["fraction"].max()
    table: dict[str, dict[str, str]] = {}
    for row in _rows(one.equivalents):
        column = table.setdefault(f"with {100 * row.fraction:g} %", {})
        column[judged(row.method, row.protocol)] = _equivalent(row, *ends)
    name = one.curve["data"].iloc[0]
    return pd.DataFrame(table).fillna("").rename_axis(columns=name)


def two_curves(both: pd.DataFrame) -> pd.DataFrame:
    """Label equivalents of the same arms off two curves.

    Args:
        both: From ``label_value.two_curves``.
    """
    rows = {
        judged(row.method, row.protocol): {
            "off the curve of as many steps": _percent(row.share, row.start, row.end),
            "off the usual curve": _percent(row.share_usual, row.start, row.end),
        }
        for row in _rows(both)
    }
    data, share = both[["data", "fraction"]].iloc[0]
    head = f"{data}, with {100 * share:g} %"
    return pd.DataFrame(rows).T.rename_axis(columns=head)


def judged(method: str, protocol: str) -> str:
    """The name of an arm that was judged in some way."""
    return f"{arm_of(method).label}, {PROTOCOL_LABELS[protocol]}"


def _equivalent(row: Any, start: float, end: float) -> str:
    shares = row.low, row.share, row.high
    low, middle, high = (_percent(share, start, end) for share in shares)
    if row.claim == "one pair":
        return f"{middle} (a single draw)"
    return f"{middle} ({low} to {high}): {_CLAIMS.get(row.claim, row.claim)}"


def _percent(share: float, start: float, end: float) -> str:
    """A share of the labels, or the end of the curve at which it is censored."""
    if share == math.inf:
        return f">{_SPACE}{100 * end:g}{_SPACE}%"
    if share == -math.inf:
        return f"<{_SPACE}{100 * start:g}{_SPACE}%"
    return f"{100 * share:.{0 if share >= 0.1 else 1}f}{_SPACE}%"
