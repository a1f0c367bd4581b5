"""The commands for a folder of one's own: study-folder and predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from command_line import fails
from PIL import Image

from sslkit.__main__ import main
from sslkit.folder import studying


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos, mine"
    folder.mkdir()
    for i in range(12):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    return folder


def test_a_folder_is_studied_and_the_report_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studying, "_steps", lambda advised, methods: 2)
    monkeypatch.setattr(studying.recorded, "findings", tuple)
    out = tmp_path / "out"
    words = ["study-folder", str(photos), "--out", str(out), "--backbone", "tiny"]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines()[-1] == f"report: {out / 'report.html'}"
    assert "no labels" in said.stdout
    assert (out / "label-next.csv").is_file()


def test_predictions_go_to_a_file_or_are_printed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sslkit.folder import models

    table = pd.DataFrame({"file": ["a.png"], "predicted": ["b"], "b": [1.0]})
    asked = []

    def predict(study: Path, folder: str) -> pd.DataFrame:
        asked.append((study, folder))
        return table

    monkeypatch.setattr(models, "predict", predict)
    said = CliRunner().invoke(main, ["predict", str(tmp_path), str(photos)])
    assert said.stdout == "file,predicted,b\na.png,b,1.0\n"
    file = tmp_path / "predictions.csv"
    CliRunner().invoke(main, ["predict", str(tmp_path), str(photos), "--to", str(file)])
    assert file.read_text() == said.stdout
    assert asked == [(tmp_path, str(photos))] * 2


def test_what_is_no_study_is_told_in_a_line(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    status, said = fails(["predict", str(tmp_path), str(photos)], monkeypatch, capsys)
    assert status == 1
    assert said.count("\n") == 1
    assert "classifier.safetensors' does not exist" in said
    words = ["study-folder", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]
    status, said = fails(words, monkeypatch, capsys)
    assert status == 1
    assert said.count("\n") == 1
    assert "nothing" in said
