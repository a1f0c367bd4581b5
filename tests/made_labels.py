"""Made-up scores of the grid of few labels, as of ``tables.table``."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

POOL = 10_000  # images
BUDGETS = (10, 100, 500, 1000, 2500, 10_000)
NOISY = (0.01, 0.005, 0.003)


def line(labels: float) -> float:
    """Accuracy that is a straight line of the logarithm of labels."""
    return 0.2 + 0.15 * math.log10(labels)


def supervised(**options: Any) -> pd.DataFrame:
    """Supervised training's curve on that line, of every budget."""
    means = {n: line(n) for n in BUDGETS}
    return scored("supervised", means, protocol="finetune", seeds=0, **options)


def scored(
    method: str,
    means: Mapping[int, float],
    *,
    protocol: str = "linear",
    variant: str = "base",
    draws: int = 5,
    seeds: int = 3,
    nested: bool = False,
    spread: tuple[float, float, float] = (0.0, 0.0, 0.0),
    seconds: tuple[float, float] = (900.0, 60.0),
    data: str = "cifar10",
) -> pd.DataFrame:
    """Runs of an arm, a row each.

    Args:
        method: The arm; what has no seed of pretraining has ``seeds=0``.
        means: Accuracy by images whose label was used.
        protocol: How it was judged.
        variant: Of the arm.
        draws: Of labels, from 10.
        seeds: Of pretraining, crossed with them.
        nested: Each draw has a seed of its own instead, of the same number.
        spread: Standard deviations of draws (the same for all arms), of seeds and of
            the rest.
        seconds: Of pretraining, and of training on the labels.
        data: The image set.
    """
    rng = np.random.default_rng(zlib.crc32(f"{method} {protocol} {variant}".encode()))
    of_seeds = spread[1] * rng.normal(size=max(seeds, 1))
    rows = []
    for labels, mean in means.items():
        fixed = np.random.default_rng(labels)
        of_draws = spread[0] * fixed.normal(size=draws)
        for draw in range(draws):
            for seed in range(max(seeds, 1)):
                off = of_draws[draw] + of_seeds[seed] + spread[2] * rng.normal()
                name = draw + 10 if nested else seed
                rows.append((labels, draw + 10, name, mean + off))
    names = ["labels", "draw", "pretraining_seed", "accuracy"]
    frame = pd.DataFrame(rows, columns=names).drop_duplicates(names[:3])
    pretraining = seconds[0] if seeds else 0.0
    return frame.assign(
        data=data,
        profile="few-labels",
        test="given",
        method=method,
        protocol=protocol,
        variant=variant,
        fraction=frame["labels"] / POOL,
        seed=frame["draw"],
        pretrain="everything",
        pretraining_seconds=pretraining,
        seconds=pretraining + seconds[1],
    )


def together(*frames: pd.DataFrame) -> pd.DataFrame:
    """Several of them as one."""
    return pd.concat(frames, ignore_index=True)


def with_surface(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, and SimCLR's surface with 100 and 500 labels."""
    parts = [
        scored(
            *("simclr", {n: 0.4 + n / 5000 + 0.02 * i + 0.03 * j for n in (100, 500)}),
            variant=f"{images} images, {steps} steps",
            seeds=3 if i != 1 != j else 1,
        )
        for i, images in enumerate((2500, 10_000, 50_000))
        for j, steps in enumerate((500, 2000, 6000))
    ]
    return together(frame, *parts)
