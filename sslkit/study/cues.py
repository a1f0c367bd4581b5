"""Cues: what tells the turn of tiles that have no up, and what a file adds to them.

``found`` is what a reader of wave strengths told of tiles, each shown in all four
turns, a row an image set and size and treatment: columns data, pixels, tiles (as
``TILES`` names them), tested (how many), and in per cent how often it was right, as
``turn (%)`` and ``axis (%)`` (lying or upright), as in ``results/cues.csv``.
"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

TILES = ("as stored", "turned at random first", "turned, then JPEG again")


def jpeg_steps(quality: int) -> pd.DataFrame:
    """To multiples of what a JPEG file rounds the waves of brightness of a block.

    Args:
        quality: As Pillow takes it, 1 to 95.

    Returns:
        8 × 8 steps: a row a wave down the image, a column a wave across it.
    """
    file = io.BytesIO()
    block = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    block.save(file, "JPEG", quality=quality)
    with Image.open(file) as stored:
        tables = stored.quantization  # type: ignore[attr-defined]
    return pd.DataFrame(np.reshape(tables[0], (8, 8)))


def side_by_side(found: pd.DataFrame) -> pd.DataFrame:
    """What was told of every image set, a column each, in per cent to one decimal.

    Returns:
        A row a treatment and size, in the order of ``found``.
    """
    sizes = found["pixels"].map(", {} px".format)
    named = found.assign(tiles=found["tiles"] + sizes)
    wide = named.pivot(index="tiles", columns="data", values=["turn (%)", "axis (%)"])
    return wide.loc[named["tiles"].unique()].astype(float).round(1)
