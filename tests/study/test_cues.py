"""Cues: tables of what a reader of tiles told, and what JPEG rounds to."""

from __future__ import annotations

import pandas as pd

from sslkit.study import cues


def found(*axes: float, tested: int = 100, data: str = "a", pixels: int = 32):
    """What was told of tiles as stored, turned, and stored again, in per cent."""
    rows = [
        (data, pixels, tiles, tested, axis / 2, axis)
        for tiles, axis in zip(cues.TILES, axes, strict=True)
    ]
    columns = ["data", "pixels", "tiles", "tested", "turn (%)", "axis (%)"]
    return pd.DataFrame(rows, columns=columns)


def test_sets_stand_side_by_side_and_rows_in_the_order_in_which_they_were_made():
    every = [found(90.04, 50, 80, data=data, pixels=96) for data in ("b", "a")]
    wide = cues.side_by_side(pd.concat([*every, found(1, 2, 3, data="a")]))
    sizes = [f"{tiles}, 96 px" for tiles in cues.TILES]
    assert list(wide.index[:3]) == sizes
    assert wide.index[3] == "as stored, 32 px"
    assert list(wide.columns) == [
        (kind, data) for kind in ("turn (%)", "axis (%)") for data in ("a", "b")
    ]
    assert wide.loc["as stored, 96 px", ("axis (%)", "b")] == 90.0
    assert pd.isna(wide.loc["as stored, 32 px", ("turn (%)", "b")])


# Annex K of the JPEG standard (ITU-T T.81), table K.1, its first rows: quality 50.
LUMINANCE = [[16, 11, 10, 16], [12, 12, 14, 19], [14, 13, 16, 24]]


def test_jpeg_rounds_by_the_table_of_the_standard():
    steps = cues.jpeg_steps(50)
    assert steps.shape == (8, 8)
    assert steps.iloc[:3, :4].to_numpy().tolist() == LUMINANCE


def test_a_better_quality_rounds_to_finer_steps():
    # Half the table at 75, by the usual formula of libjpeg, rounded up at a half.
    assert cues.jpeg_steps(75).iloc[:3, :4].to_numpy().tolist() == [
        [(step + 1) // 2 for step in row] for row in LUMINANCE
    ]
