"""What the book's settings were chosen from: the scores that ``tools.tuning`` keeps."""

from __future__ import annotations

import json

import pandas as pd

from sslkit.study import published

_CASE = ["profile", "data", "search"]


def tried(profile: str, data: str, *searches: str) -> pd.DataFrame:
    """The settings that were tried, best first, and what each scored.

    Args:
        profile: Whose settings.
        data: The image set.
        searches: What was tuned, as ``"byol"``; an arm, or a phase of it.

    Returns:
        A row a search and setting, columns search, setting (in words), ``draws`` and a
        column a protocol: the mean accuracy on images of the pool outside the budget.

    Raises:
        ValueError: If there are no such scores.
    """
    file = published.file("tuning.csv")
    table = pd.read_csv(file) if file else pd.DataFrame(columns=_CASE)
    own = (table["profile"] == profile) & (table["data"] == data)
    found = table[own & table["search"].isin(searches)]
    if found.empty:
        raise ValueError(f"no scores of {', '.join(searches)} on {data} by {profile}")
    scores = found.pivot_table(
        index=["search", "setting"], columns="protocol", values="accuracy"
    )
    draws = found.groupby(["search", "setting"])["draw"].nunique().rename("draws")
    rows = scores.assign(mean=scores.mean(axis=1)).join(draws).reset_index()
    order = rows["search"].map(searches.index)
    rows = rows.assign(order=order).sort_values(
        ["order", "mean"], ascending=[True, False]
    )
    rows["setting"] = rows["setting"].map(_in_words)
    return rows[["search", "setting", "draws", *scores]].reset_index(drop=True)


def _in_words(setting: str) -> str:
    """Fields and values of a setting; of which part of a recipe goes unsaid."""
    parts = json.loads(setting).values()
    fields = {name: value for part in parts for name, value in part.items()}
    return ", ".join(
        f"{name} {value[0] if isinstance(value, list) else value:g}"
        if not isinstance(value, str)
        else value
        for name, value in fields.items()
    )
