"""The settings that were tried, from the file of their scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sslkit.study import tuning


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [
        ("quick", "shapes", search, setting, protocol, draw, accuracy)
        for search, setting, protocol, draw, accuracy in (
            ("byol", '{"method": {"momentum": [0.9, 1]}}', "linear", 100, 0.5),
            ("byol", '{"method": {"momentum": [0.9, 1]}}', "linear", 101, 0.7),
            ("byol", '{"pretraining": {"lr": 0.01}}', "linear", 100, 0.8),
            ("byol", '{"pretraining": {"lr": 0.01}}', "finetune", 100, 0.9),
            (
                "vicreg",
                '{"pretraining": {"optimiser": "sgd", "lr": 1}}',
                "linear",
                5,
                0.1,
            ),
        )
    ]
    rows.append(
        ("quick", "other", "byol", '{"pretraining": {"lr": 3}}', "linear", 1, 1)
    )
    columns = "profile data search setting protocol draw accuracy".split()
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "tuning.csv", index=False)
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("scores")
def test_settings_come_best_first_within_the_searches_as_they_were_asked_for() -> None:
    found = tuning.tried("quick", "shapes", "vicreg", "byol")
    assert list(found) == ["search", "setting", "draws", "finetune", "linear"]
    assert found["setting"].tolist() == ["sgd, lr 1", "lr 0.01", "momentum 0.9"]
    assert found["draws"].tolist() == [1, 1, 2]
    assert found["linear"].tolist() == pytest.approx([0.1, 0.8, 0.6])


@pytest.mark.usefixtures("scores")
def test_what_was_not_tuned_is_named() -> None:
    with pytest.raises(ValueError, match="no scores of byol on shapes by study"):
        tuning.tried("study", "shapes", "byol")


def test_the_book_has_scores_of_what_its_profile_quick_says() -> None:
    found = tuning.tried("quick", "shapes", "simclr", "byol", "vicreg")
    assert found["draws"].min() == 2
    assert (found.groupby("search").size() == 6).all()
