"""Cues: tables of what a reader of tiles told, and what JPEG rounds to."""

from __future__ import annotations

import pandas as pd
import pytest

from sslkit.study import cues, published


def found(*axes: float, tested: int = 100, data: str = "a", pixels: int = 32):
    """What was told of tiles as stored, turned, and stored again, in per cent."""
    rows = [
        (data, pixels, tiles, tested, axis / 2, axis)
        for tiles, axis in zip(cues.TILES, axes, strict=True)
    ]
    columns = ["data", "pixels", "tiles", "tested", "turn (%)", "axis (%)"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize(
    ("stored", "tested", "cue"),
    [
        (60.1, 100, True),  # the standard error of guessing is 50 / sqrt(100) = 5
        (59.9, 100, False),
        (50.0, 100, False),
        (10.0, 100, False),  # told wrongly is not told
        (52.6, 1600, True),
        (52.4, 1600, False),
    ],
)
def test_a_cue_is_an_axis_told_two_standard_errors_above_guessing(stored, tested, cue):
    (row,) = cues.axis_told(found(stored, 50, 50, tested=tested)).to_dict("records")
    assert row["cue"] is cue


def test_what_is_told_stands_by_set_and_size_in_their_order():
    both = [found(90, 50, 80, data="b", pixels=96), found(70, 51, 60, data="a")]
    told = cues.axis_told(pd.concat(both))
    rows = [*told.drop(columns="cue").itertuples(index=False, name=None)]
    assert rows == [("b", 96, 0.9, 0.5, 0.8), ("a", 32, 0.7, 0.51, 0.6)]


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


def test_the_committed_table_is_one_that_can_be_read():
    file = published.file("cues.csv")
    assert file is not None
    told = cues.axis_told(pd.read_csv(file))
    assert set(told["data"]) == {"colon3", "lung3"}
    assert told[["stored", "turned", "again"]].stack().between(0, 1).all()


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
