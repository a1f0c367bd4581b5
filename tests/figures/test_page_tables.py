"""Tables of a page: the texts that numbers become."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from scored import scored, together

from sslkit.figures import page_tables
from sslkit.study import answers, reports, tables

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
