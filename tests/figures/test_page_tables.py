"""Tables of a page: the texts that numbers become."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scored import scored, together

from sslkit.figures import page_tables
from sslkit.study import answers, cells, label_value, questions, reports, tables

pytestmark = pytest.mark.filterwarnings("error")


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ")


def test_the_study_is_printed_as_it_was_with_names_and_gaps():
    table = page_tables.printed(reports.printed())
    assert [plain(name) for name in table] == ["5 %", "25 %", "50 %", "100 %"]
    first = table.loc[("A", "RotNet", "schedule", "fine-tuned?")]
    assert list(first) == ["0.7344 / 64.11", "0.3881 / 84.51", "0.3864 / 85.76", ""]
    baseline = table.loc[("A", "supervised", "unsaid", "fine-tuned")]
    assert list(baseline) == ["2.824 / 53.43", "", "", "0.3376 / 88.96"]
    assert table.loc[("A′", "RotNet", "unsaid", "linear probe?")].iloc[0] == "– / 50.28"
    kidney = table.loc[("P0", "SimCLR + kidney", "unsaid", "unsaid")]
    assert list(kidney)[:3] == ["– / 73.62", "– / 77.87", "– / 83.55"]
    named = list(dict.fromkeys(table.index.get_level_values("report")))
    assert named == ["A", "A′", "B", "P", "P0"], "in the order of the file"


def read(html: str) -> list[list[str]]:
    """The texts of a table's rows; a name that spans several stands in the first."""
    table = html[html.index("<table") : html.index("</details>")]
    root = ElementTree.fromstring(table.replace("<br>", " "))
    rows = [
        [plain("".join(cell.itertext())) for cell in row] for row in root.iter("tr")
    ]
    return [[text for text in row if text] for row in rows]


def test_a_cell_has_loss_accuracy_and_recall_with_half_intervals():
    values = [0.7, 0.8]
    frame = together(
        scored("simclr", values),
        scored("simclr", [0.6], protocol="knn", fraction=0.25),
        scored("start", [0.5], protocol="linear"),
        scored("random", [0.5], protocol="linear"),
    )
    means = cells.means(frame, classes=4)
    html = page_tables.cells(means, head="shapes: base")
    assert html.startswith("<details><summary>shapes: base</summary><table")
    mean, low, _ = tables.interval(values)
    half = 100 * (mean - low)
    spelled = f"0.25 ± {half / 100:.2f} / 75.0 ± {half:.1f} (72.0)"
    assert read(html) == [
        ["5 %, draws: 2", "25 %, draws: 1"],
        ["commonest class", "– / 50.0 (25.0)", "– / 50.0 (25.0)"],
        ["random encoder", "linear probe", "0.50 / 50.0 (47.0)"],
        ["warm start, as it is", "linear probe", "0.50 / 50.0 (47.0)"],
        ["SimCLR", "fine-tuned", spelled],
        ["kNN", "0.40 / 60.0 (57.0)"],
    ]


def test_named_variants_have_rows_of_their_own_in_the_order_of_the_names():
    frame = together(
        *(
            scored(method, [0.5], variant=variant)
            for method in ("simclr", "rotnet")
            for variant in ("budget, many steps", "all")
        )
    )
    means = cells.means(answers.by_amount(frame), classes=2)
    html = page_tables.cells(
        means, head="by images", opened=True, variants=questions.AMOUNTS
    )
    assert html.startswith("<details open><summary>by images</summary>")
    assert [row[0] for row in read(html)][2:] == [
        "RotNet: all images",
        "RotNet: budget, steps of all",
        "SimCLR: all images",
        "SimCLR: budget, steps of all",
    ]


def test_no_records_give_a_sentence_and_no_table():
    none = cells.means(scored("simclr", [0.5]).iloc[:0], classes=3)
    html = page_tables.cells(none, head="shapes: constant")
    assert "No records yet" in html
    assert "<table" not in html


def test_a_tie_is_decided_by_the_number_and_not_by_an_error_of_floating_point():
    near = np.nextafter(0.4535, 0)
    assert f"{100 * near:.1f}" != f"{100 * 0.4535:.1f}", "or this tests nothing"
    said = {
        page_tables.cells(
            cells.means(
                scored("simclr", [value]).assign(loss=0.5, macro_recall=0.4), classes=2
            ),
            head="",
        )
        for value in (0.4535, near)
    }
    assert len(said) == 1


def test_contrasts_are_in_points_and_a_single_pair_has_no_interval():
    frame = together(
        scored("simclr", [0.9, 0.8, 0.8]),
        scored("supervised", [0.5, 0.6, 0.5]),
        scored("rotnet", [0.6]),
    )
    rows = answers.named_before(frame)
    table = page_tables.contrasts(rows)
    names = [
        "SimCLR, fine-tuned, less supervised",
        "RotNet, fine-tuned, less supervised",
    ]
    assert list(table.index) == names
    assert [page_tables.contrast(row) for row in rows.itertuples()] == names
    _, low, high = tables.interval([0.4, 0.2, 0.3])
    first = rows.iloc[0]
    assert list(table.loc[names[0]]) == [
        "+30.0",
        f"{100 * low:+.1f} to {100 * high:+.1f}",
        3,
        f"{first['p']:.2g}",
        f"{first['holm']:.2g}",
    ]
    assert list(table.loc[names[1]]) == ["+10.0", "", 1, "", ""]


@pytest.fixture
def worth() -> label_value.Worth:
    """Arms on, above and below a curve from 5 to 100 %."""
    frame = together(
        *(
            scored("supervised", [mean] * 5, fraction=share)
            for share, mean in {0.05: 0.5, 0.25: 0.7, 1.0: 0.9}.items()
        ),
        scored("simclr", [0.6] * 5),
        scored("rotnet", [0.95] * 5),
        scored("rotnet-jitter", [0.55]),
        scored("simclr", [0.6] * 5, fraction=0.25),
        scored("rotnet", [0.1] * 3, fraction=0.25, protocol="linear"),
    )
    return label_value.worth(frame, seen="budget")


def test_an_equivalent_is_said_with_its_interval_and_claim_and_at_which_end(worth):
    table = page_tables.equivalents(worth).map(plain)
    assert (table.columns.name, list(table)) == ("shapes", ["with 5 %", "with 25 %"])
    assert table["with 5 %"].to_dict() == {
        "SimCLR, fine-tuned": "15 % (15 % to 15 %): worth more",
        "RotNet, fine-tuned": "> 100 % (> 100 % to > 100 %): worth more",
        "RotNet + jitter, fine-tuned": "10 % (a single draw)",
        "RotNet, linear probe": "",
    }
    assert table.loc["SimCLR, fine-tuned", "with 25 %"].endswith("worth less")
    frozen = table.loc["RotNet, linear probe", "with 25 %"]
    assert frozen == "< 5 % (< 5 % to < 5 %): few draws"


def test_two_curves_stand_side_by_side():
    both = pd.DataFrame(
        {
            "data": "shapes",
            "method": ["simclr", "rotnet"],
            "protocol": ["finetune", "linear"],
            "fraction": 0.05,
            "share": [0.0512, math.inf],
            "share_usual": [-math.inf, 0.4],
            "start": 0.025,
            "end": 0.75,
        }
    )
    table = page_tables.two_curves(both).map(plain)
    assert table.columns.name == "shapes, with 5 %"
    assert table.to_numpy().tolist() == [["5.1 %", "< 2.5 %"], ["> 75 %", "40 %"]]
    assert list(table.index) == ["SimCLR, fine-tuned", "RotNet, linear probe"]
