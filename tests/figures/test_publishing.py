"""What single runs would have printed, by what is drawn and what a script is given."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd
import pytest
from drawn import texts, ticks
from matplotlib.colors import to_hex
from scored import scored, together

from sslkit.figures import plots, publishing
from sslkit.runs.arms import arm_of
from sslkit.study import orders, reports

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture
def table() -> pd.DataFrame:
    """Three studies at 5 %, the last in the order of the study; two at 25 %."""
    frame = together(
        scored("supervised", [0.8, 0.7, 0.3]),
        scored("rotnet", [0.5, 0.75, 0.4]),
        scored("rotnet-jitter", [0.4, 0.4, 0.61728]),
        scored("simclr", [0.3, 0.3, 0.5], protocol="linear"),
        *(
            scored(method, [0.8, 0.7], protocol=protocol, fraction=0.25)
            for method, protocol in orders.STUDIED
        ),
    )
    return orders.studies(frame, reports.printed())


def given(toy: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', toy)
    assert found
    return json.loads(found[1])


def test_a_bar_an_arm_says_in_how_many_studies_it_is_the_best(table):
    figure = publishing.winners(table)
    few, many = figure.axes
    names = [name.replace("\n", " ") for name in ticks(few)]
    assert names == [plots.arm_name(*arm) for arm in orders.STUDIED]
    assert [bar.get_width() for bar in few.patches] == [1, 1, 1, 0]
    assert [bar.get_width() for bar in many.patches] == [2, 0, 0, 0], "ties: the first"
    colours = [to_hex(bar.get_facecolor()) for bar in few.patches]
    assert colours == [to_hex(arm_of(method).colour) for method, _ in orders.STUDIED]
    assert few.get_title(loc="left") == (
        "5 % of the labels\n3 studies, 3 orders;\nthe study's own: 1×"
    )
    assert many.get_title(loc="left").endswith(
        "2 studies, 1 order;\nthe study's own: 0×"
    )
    assert few.get_ylim()[0] > few.get_ylim()[1], "in the order of arms, from above"
    assert "shapes, profile quick" in texts(figure)
    assert figure.get_size_inches()[0] <= plots.WIDTH


def test_the_toy_has_every_study_as_it_would_be_printed(table):
    toy = publishing.publish(table).data
    data = given(toy)
    assert data["arms"] == ["supervised", "RotNet", "RotNet + jitter", "SimCLR"]
    few, many = data["shares"]
    assert (few["name"], len(few["studies"])) == ("5\N{NO-BREAK SPACE}%", 3)
    assert (many["name"], len(many["studies"])) == ("25\N{NO-BREAK SPACE}%", 2)
    assert few["studies"][2] == {
        "values": ["30.00", "40.00", "61.73", "50.00"],
        "best": 2,
        "order": "RotNet + jitter, SimCLR, RotNet, supervised",
        "printed": True,
    }
    assert [study["best"] for study in few["studies"]] == [0, 1, 2]
    assert [study["printed"] for study in few["studies"]] == [False, False, True]


def test_the_toy_is_hidden_until_its_script_runs_and_names_its_source(table):
    toy = publishing.publish(table).data
    assert toy.startswith('<div class="toy toy-publish" hidden>')
    assert "3 at 5\N{NO-BREAK SPACE}%, 2 at 25\N{NO-BREAK SPACE}%" in toy
    assert "SimCLR: linear probe" in toy
    assert "shapes, profile quick" in toy


def test_without_a_whole_study_a_sentence_stands_in_its_place(table):
    none = table.iloc[:0]
    assert "no draw has a run of every arm" in texts(publishing.winners(none))
    assert "no draw has a run of every arm" in publishing.publish(none).data
    mixed = table.assign(data=["other", *table["data"][1:]])
    with pytest.raises(ValueError, match="one data set and profile"):
        publishing.winners(mixed)
