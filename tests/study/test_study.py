"""The study's printed numbers."""

from __future__ import annotations

import pandas as pd

from sslkit.runs.arms import ARMS
from sslkit.study import published

# As printed: report, method, regime; loss/accuracy at 5, 25, 50 and 100 %.
PRINTED = """
A  rotnet        schedule      .7344/64.11 .3881/84.51 .3864/85.76 -
A  rotnet-jitter schedule      .7760/79.32 .3466/86.64 .2897/89.40 -
A  rotnet        constant_5e-6 .5962/83.88 .3759/90.91 .3128/87.78 -
A  rotnet-jitter constant_5e-6 .7794/79.16 .4978/86.38 .3934/90.80 -
A  supervised    unsaid        2.824/53.43 -           -           .3376/88.96
A′ rotnet        unsaid        /50.28      /67.99      /38.56      -
B  simclr        unsaid        .5545/75.59 .3569/84.80 .3602/85.26 -
P  supervised    unsaid        /67.10      /83.15      /88.70      -
P  simclr        unsaid        -           -           /88.79      -
P  simclr+kidney unsaid        /80.65      /88.96      /91.50      -
P0 simclr+kidney unsaid        /73.62      /77.87      /83.55      -
"""


def study() -> pd.DataFrame:
    file = published.file("study.csv")
    assert file is not None
    return pd.read_csv(file)


def test_the_study_file_holds_what_was_printed_and_no_more() -> None:
    expected = {}
    for line in PRINTED.strip().splitlines():
        report, method, regime, *cells = line.split()
        regime = regime.replace("_", " ")
        for fraction, cell in zip((0.05, 0.25, 0.5, 1.0), cells, strict=True):
            if cell != "-":
                loss, accuracy = cell.split("/")
                value = float(loss) if loss else None, float(accuracy)
                expected[report, method, regime, fraction] = value
    found = {
        (row.report, row.method, row.regime, row.fraction): (
            None if pd.isna(row.loss) else row.loss,
            row.accuracy,
        )
        for row in study().itertuples()
    }
    assert found == expected
    assert len(study()) == len(found)


def test_the_study_file_says_how_a_number_was_made_or_that_nobody_said() -> None:
    frame = study()
    columns = "report method regime protocol init fraction loss accuracy"
    assert list(frame) == columns.split()
    assert set(frame["report"]) == {"A", "A′", "B", "P", "P0"}
    assert set(frame["method"]) - {"simclr+kidney"} <= {*ARMS}
    # A question mark: presumably, for the report does not say.
    protocols = set(frame["protocol"].str.rstrip("?"))
    assert protocols == {"linear", "finetune", "unsaid"}
    assert set(frame["init"].str.rstrip("?")) == {"imagenet"}
    frozen = frame[frame["protocol"].str.startswith("linear")]
    assert set(frozen["report"]) == {"A′", "B"}
