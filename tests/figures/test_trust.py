"""The figure of what was killed."""

from __future__ import annotations

import pandas as pd

from sslkit.figures import plots, trust


def test_a_line_a_kind_of_work_a_mark_a_kill_and_the_legend_counts_how_they_ended() -> (
    None
):
    plots.style()
    table = pd.DataFrame(
        [("run", 0.1, 0, True), ("run", 0.5, 0, False), ("publish", 0.25, 1, True)],
        columns=["work", "moment", "torn", "same"],
    )
    (axes,) = trust.kills(table).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["run", "publish"]
    well, badly = axes.get_lines()
    assert well.get_xdata().tolist() == [10]
    assert badly.get_xdata().tolist() == [50, 25]
    assert badly.get_ydata().tolist() == [0, 1]
    assert str(well.get_label()).endswith(": 1")
    assert str(badly.get_label()).endswith(": 2")
