"""A folder studied whole: images that deceive, a stop, a start anew, no labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from folder import deceiving
from PIL import Image

import sslkit
from sslkit.folder import models, studying, trials
from sslkit.folder.studying import Studied, study_folder
from sslkit.folder.verdict import Option
from sslkit.images.imageset import ImageSet
from sslkit.judging.classifier import load_classifier

pytest.importorskip("onnxruntime")


def saved(images: ImageSet, folder: Path) -> Path:
    """An image set as a folder of files."""
    for row, (pixels, label, part) in enumerate(
        zip(images.images, images.labels.tolist(), images.part, strict=True)
    ):
        name = f"{row:04d}.png"
        if images.files is not None:
            name = images.files[row].split("/")[1]
        below = Path("unlabelled") if label < 0 else Path(part, images.classes[label])
        (folder / below).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        picture.save(folder / below / name)
    return folder


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three draws of a few steps, all labels: seconds instead of an hour."""
    monkeypatch.setattr(trials, "PROFILE", "smoke")
    monkeypatch.setattr(trials, "DRAWS", 3)
    monkeypatch.setattr(trials, "CURVE", ())
    monkeypatch.setattr(trials, "labelled_steps", lambda seconds, image: 12)
    monkeypatch.setattr(studying, "_steps", lambda advised, methods: 6)
    for batch in ("BATCH", "LABELLED"):
        monkeypatch.setattr(studying.machine, batch, 8)
    monkeypatch.setattr(studying.recorded, "findings", tuple)


def studied(folder: Path, tmp_path: Path, **more: object) -> tuple[Studied, str]:
    said: list[str] = []
    done = study_folder(
        folder, out=tmp_path / "out", backbone="tiny", say=said.append, **more
    )
    return done, "\n".join(said)


def test_classes_of_colour_are_decided_without_pretraining(tmp_path: Path) -> None:
    folder = saved(deceiving.classes_by_colour(160), tmp_path / "photos")
    done, said = studied(folder, tmp_path)
    assert done.decision is not None
    assert done.decision.side in ("lower", "open"), "it cannot be better than all right"
    assert done.decision.against.accuracy == 100
    assert "Colour alone tells the class" in said
    out = tmp_path / "out"
    page = done.report.read_text()
    assert "colour histogram with a linear probe" in page
    assert "Did it learn?" in page
    # What is taken along says what torch says.
    table = models.predict(out, folder)
    kept = load_classifier(out / "classifier.safetensors")
    assert len(table) == 160
    assert table["file"][0] == "test/0/0000.png"
    pixels = np.asarray(Image.open(folder / table["file"][0]))
    said_ = kept.predict(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])[0]
    assert table[["0", "1"]].iloc[0].tolist() == pytest.approx(said_.tolist())
    for name in ("encoder.safetensors", "classifier.onnx", "plan.json"):
        assert (out / name).is_file()


def test_labels_that_are_noise_leave_it_open(tmp_path: Path) -> None:
    folder = saved(deceiving.labels_of_noise(160), tmp_path / "photos")
    done, said = studied(folder, tmp_path)
    assert done.decision is not None
    assert done.decision.side == "open"
    assert "It is open whether pretraining pays here" in said


def test_patients_on_both_sides_leave_it_open_and_the_report_says_why(
    tmp_path: Path,
) -> None:
    folder = saved(deceiving.patients_on_both_sides(), tmp_path / "photos")
    done, _ = studied(folder, tmp_path)
    assert done.decision is not None
    assert done.decision.side == "open"
    assert any("of a group" in reason for reason in done.decision.reasons)
    assert "of a group" in done.report.read_text()


def test_with_time_left_the_report_has_the_label_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "FIRST", 2)
    monkeypatch.setattr(trials, "DRAWS", 2)
    monkeypatch.setattr(trials, "CURVE", (0.5,))
    folder = saved(deceiving.classes_by_colour(100), tmp_path / "photos")
    done, _ = studied(folder, tmp_path)
    assert {run.recipe.fraction for run in done.runs} == {0.5, 1.0}
    page = done.report.read_text()
    assert "The label curve" in page
    assert done.decision is not None
    assert any(
        "more minutes: pretraining had 6 steps" in w for w in done.decision.settles
    )


def test_more_labels_are_named_where_they_still_pay() -> None:
    def alone(accuracy: float) -> list[Option]:
        return [Option("supervised", "finetune", 50.0, accuracy, pd.DataFrame())]

    (said,) = studying._more(5000, alone(61.0), alone(70.5))
    assert said.endswith(
        "from half of them to all, supervised training gained 9.5 points"
    )
    assert studying._more(5000, alone(70.0), alone(70.0)) == []
    assert studying._more(5000, [], alone(70.0)) == []


def test_thirty_images_leave_it_open(tmp_path: Path) -> None:
    folder = saved(deceiving.classes_by_colour(30), tmp_path / "photos")
    done, said = studied(folder, tmp_path)
    assert done.decision is not None
    assert done.decision.side == "open"
    assert "a verdict takes 20 test images; here: 6" in said


def test_a_study_that_is_stopped_goes_on_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(deceiving.classes_by_colour(60), tmp_path / "photos")
    whole, _ = studied(folder, tmp_path / "undisturbed")

    class Stopped(Exception):
        pass

    def stop(*args: object, **values: object) -> None:
        raise Stopped

    with monkeypatch.context() as stopped:
        run, calls = trials.running.run, []

        def sometimes(*args: object, **values: object) -> sslkit.Run:
            calls.append(args)
            return stop() if len(calls) == 4 else run(*args, **values)  # type: ignore

        stopped.setattr(trials.running, "run", sometimes)
        with pytest.raises(Stopped):
            studied(folder, tmp_path)
    again, _ = studied(folder, tmp_path)
    assert [one.key for one in again.runs] == [one.key for one in whole.runs]
    assert [
        one.scores["linear"].predicted for one in again.runs if "linear" in one.scores
    ] == [
        one.scores["linear"].predicted for one in whole.runs if "linear" in one.scores
    ]
    assert again.decision is not None
    assert whole.decision is not None
    assert again.decision.mean == whole.decision.mean


def test_a_folder_without_labels_gets_neighbours_and_what_to_label_first(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "photos"
    plain = deceiving.image_set(deceiving.noise(40))
    saved(plain, folder)
    done, _ = studied(folder, tmp_path)
    assert done.decision is None
    table = pd.read_csv(tmp_path / "out" / "label-next.csv")
    assert len(table) == 20
    assert table["reason"].str.startswith("typical of").all()
    assert (folder / table["file"][0]).is_file()
    page = done.report.read_text()
    assert "There is no verdict" in page
    assert "most alike" in page
    assert "A map (t-SNE)" in page


def test_unlabelled_images_are_asked_for_where_the_classifier_is_unsure(
    tmp_path: Path,
) -> None:
    labelled = deceiving.classes_by_colour(60)
    folder = saved(labelled, tmp_path / "photos")
    saved(deceiving.image_set(deceiving.noise(30, seed=9)), folder)
    done, _ = studied(folder, tmp_path)
    assert {run.recipe.arm for run in done.runs} >= {"selftrain"}
    table = pd.read_csv(tmp_path / "out" / "label-next.csv")
    assert len(table) == 20
    assert table["reason"].str.startswith("unsure: ").all()


def test_another_set_of_images_needs_another_folder(tmp_path: Path) -> None:
    folder = saved(deceiving.image_set(deceiving.noise(12)), tmp_path / "photos")
    studied(folder, tmp_path, image_size=16)
    with pytest.raises(ValueError, match=r"plan\.json' is the plan for other images"):
        studied(folder, tmp_path, image_size=8)
    with pytest.raises(ValueError, match="minutes is 0"):
        studied(folder, tmp_path, minutes=0)
