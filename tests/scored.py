"""Made-up scores, as of ``tables.table``, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def scored(
    method: str,
    accuracies: Sequence[float],
    *,
    protocol: str = "finetune",
    fraction: float = 0.05,
    variant: str = "base",
) -> pd.DataFrame:
    """A run a draw, with a seed of the same number; half the images are one class."""
    return pd.DataFrame(
        {
            "data": "shapes",
            "test": "given",
            "profile": "quick",
            "variant": variant,
            "method": method,
            "pretrain": "budget",
            "fraction": fraction,
            "protocol": protocol,
            "draw": draw,
            "seed": draw,
            "loss": 1 - accuracy,
            "accuracy": accuracy,
            "low": accuracy - 0.1,
            "high": accuracy + 0.06,
            "macro_recall": accuracy - 0.03,
            "majority": 0.5,
        }
        for draw, accuracy in enumerate(accuracies)
    )


def together(*frames: pd.DataFrame) -> pd.DataFrame:
    """Several of them as one."""
    return pd.concat(frames, ignore_index=True)
