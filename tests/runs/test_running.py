"""Runs: done once, recorded whole, on the images and labels that they may see."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from small_runs import (
    Stop,
    assert_same,
    assert_same_weights,
    encoder_files,
    forbid,
    on_folder,
    record_files,
    settled,
    small,
)
from torch import Tensor, nn

import sslkit
from sslkit.learning import encoders, loop
from sslkit.learning.devices import precision
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted
from sslkit.methods import pretraining
from sslkit.runs import codec, keys, records, running
from sslkit.runs.records import Run

# ------------------------------------------------------------------ done once


def test_a_recipe_that_was_done_is_read_and_not_done_again(
    undisturbed: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, running, "pretrain", "judge")
    before = {path: path.stat().st_mtime_ns for path in record_files(store)}
    again = sslkit.run(small(), out=store)
    assert_same(again, undisturbed)
    assert again.about == undisturbed.about
    assert again.encoder_file == undisturbed.encoder_file
    assert {path: path.stat().st_mtime_ns for path in record_files(store)} == before


def test_a_run_is_told_the_same_whether_it_was_just_done_or_read(
    undisturbed: Run, store: Path
) -> None:
    (read,) = records.read(store)
    assert_same(read, undisturbed)
    assert read.recipe == undisturbed.recipe == settled(small())
    assert read.about == undisturbed.about


def test_a_recipe_does_the_same_in_another_store(
    undisturbed: Run, tmp_path: Path
) -> None:
    assert_same(sslkit.run(small(), out=tmp_path), undisturbed)


def test_the_random_state_of_the_caller_neither_matters_nor_changes(
    undisturbed: Run, tmp_path: Path
) -> None:
    torch.manual_seed(987)
    expected = torch.rand(3)
    torch.manual_seed(987)
    assert_same(sslkit.run(small(), out=tmp_path), undisturbed)
    assert torch.equal(torch.rand(3), expected)


def test_the_encoder_of_a_run_is_made_when_asked_for_and_draws_no_random_number(
    undisturbed: Run,
) -> None:
    torch.manual_seed(987)
    expected = torch.rand(3)
    torch.manual_seed(987)
    first, second = undisturbed.encoder, undisturbed.encoder
    assert torch.equal(torch.rand(3), expected)
    assert first is not None
    assert second is not None
    assert first is not second  # whoever trains one leaves the other as it was
    assert not first.training
    assert undisturbed.encoder_file is not None
    kept = load_file(undisturbed.encoder_file)
    for encoder in (first, second):
        found = {name: x.contiguous() for name, x in encoder.net.state_dict().items()}
        torch.testing.assert_close(found, kept, rtol=0, atol=0)


def test_a_recorded_recipe_is_found_and_another_is_not(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    found = running.recorded(small(), out=store)
    assert found is not None
    assert_same(found, undisturbed)
    assert found.encoder_file == undisturbed.encoder_file
    assert running.recorded(small(seed=9), out=store) is None
    assert running.recorded(small(), out=tmp_path) is None
    assert not list(tmp_path.iterdir())


# ----------------------------------------------------------------- the record


def test_a_record_says_what_was_done_on_what_and_by_whom(
    undisturbed: Run, store: Path
) -> None:
    (path,) = record_files(store)
    assert path.name == f"{undisturbed.key}.json"

    def forbidden(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    plain = json.loads(path.read_text(), parse_constant=forbidden)
    assert sorted(plain) == ["about", "history", "key", "recipe", "scores"]
    assert codec.from_dict(plain["recipe"]) == settled(small())
    about = plain["about"]
    images = sslkit.load("shapes", limit=20)
    assert about["fingerprint"] == images.fingerprint
    assert about["classes"] == list(images.classes)
    assert about["counts"] == {"train": 24, "val": 6, "test": 60, "pool": 60}
    assert about["versions"]["torch"] == torch.__version__
    assert about["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert about["results_version"] == keys.RESULTS_VERSION
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() - x)) for x in (0, 3600)]
    assert about["date"] in days
    assert about["machine"].strip()
    assert set(about["seconds"]) == {"pretrain", "linear", "finetune"}
    assert all(seconds > 0 for seconds in about["seconds"].values())


@pytest.mark.parametrize("asked", ["auto", "64-true"])
def test_a_record_says_which_precision_was_used(
    asked: str, folder: Path, tmp_path: Path
) -> None:
    recipe = replace(on_folder(folder), precision=asked)
    expected = precision(asked)
    assert sslkit.run(recipe, out=tmp_path).recipe.precision == expected
    (file,) = record_files(tmp_path)
    assert json.loads(file.read_text())["recipe"]["precision"] == expected


def test_a_record_names_the_commit_of_the_source(undisturbed: Run) -> None:
    here = Path(sslkit.__file__).parent
    git = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True
    )
    if git.returncode:
        assert undisturbed.about["commit"] is None
        return
    commit = undisturbed.about["commit"]
    assert re.fullmatch(r"[0-9a-f]{12}\+?", commit)
    assert git.stdout.startswith(commit.rstrip("+"))


def test_the_scores_of_a_record_agree_with_their_confusion(undisturbed: Run) -> None:
    assert list(undisturbed.scores) == ["finetune", "linear"]
    for score in undisturbed.scores.values():
        table = np.array(score.confusion)
        assert table.sum(axis=1).tolist() == [20, 20, 20]  # test images by class
        assert score.accuracy == pytest.approx(table.trace() / 60)
        assert score.low <= score.accuracy <= score.high
        assert score.n_train == 24
        assert math.isfinite(score.loss)
        assert math.isfinite(score.last_loss)


def test_the_history_has_every_epoch_of_every_phase(undisturbed: Run) -> None:
    history = undisturbed.history
    assert list(history) == ["phase", "epoch", "step", "metric", "value"]
    assert set(history["phase"]) == {"pretrain", "linear", "finetune"}
    for phase, training in (
        ("pretrain", small().pretraining),
        ("linear", small().probe),
        ("finetune", small().downstream),
    ):
        rows = history[(history["phase"] == phase) & (history["metric"] == "val_loss")]
        assert rows["epoch"].tolist() == list(range(1, training.epochs + 1))
        assert rows["step"].tolist() == [2, 4]
    assert np.isfinite(history["value"].astype(float)).all()
    assert not history.duplicated(["phase", "epoch", "metric"]).any()


def test_the_history_is_what_training_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[pd.DataFrame] = []

    def watched(*args: Any, **kwargs: Any) -> Fitted:
        fitted = loop.fit(*args, **kwargs)
        measured.append(fitted.history)
        return fitted

    monkeypatch.setattr(pretraining, "fit", watched)
    run = sslkit.run(small(protocols=("knn",)), out=tmp_path)
    by = ["epoch", "step", "metric"]
    kept = run.history[run.history["phase"] == "pretrain"].set_index(by)["value"]
    expected = measured[0].set_index(by)["value"]
    assert len(kept) == len(run.history) == len(expected)
    pd.testing.assert_series_equal(
        kept.astype(float).sort_index(), expected.sort_index(), rtol=1e-3
    )


def test_a_run_without_any_training_has_an_empty_history(tmp_path: Path) -> None:
    run = sslkit.run(small("random", protocols=("knn",)), out=tmp_path)
    assert run.history.empty
    assert list(run.history) == ["phase", "epoch", "step", "metric", "value"]
    assert list(run.scores) == ["knn"]


# -------------------------------------------------- who learns, and from what


@pytest.mark.parametrize(
    ("method", "phases"),
    [
        ("supervised", {"finetune"}),
        ("selftrain", {"selftrain"}),
        ("random", {"linear"}),
    ],
)
def test_without_a_method_nothing_is_pretrained(
    method: str, phases: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, running, "pretrain")
    run = sslkit.run(small(method), out=tmp_path)
    assert run.encoder_file is None
    assert run.encoder is None
    assert not encoder_files(tmp_path)
    assert set(run.history["phase"]) == set(run.about["seconds"]) == phases


def test_the_random_floor_is_the_probe_of_weights_that_only_the_seed_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Tensor]] = []
    judge = running.judge

    def watched(features: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(dict(features.encoder.net.named_parameters()))
        return judge(features, *args, **kwargs)

    monkeypatch.setattr(running, "judge", watched)
    sslkit.run(small("random", seed=5), out=tmp_path)
    torch.manual_seed(5)
    expected = dict(Encoder(encoders.EncoderSettings()).net.named_parameters())
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=0)


@pytest.mark.parametrize("pretrain", ["budget", "all"])
@pytest.mark.parametrize("fraction", [0.25, 1.0])
def test_pretraining_sees_no_test_image_and_learns_from_no_validation_image(
    pretrain: str, fraction: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Tensor] = []
    watched: list[Tensor] = []

    def instead(_: nn.Module, __: Any, rows: Tensor, **kwargs: Any) -> None:
        learnt.append(rows)
        watched.append(kwargs["validation"])
        raise Stop

    monkeypatch.setattr(pretraining, "fit", instead)
    recipe = small(pretrain=pretrain, fraction=fraction, limit=40)
    with pytest.raises(Stop):
        sslkit.run(recipe, out=tmp_path)
    images = sslkit.load("shapes", limit=40)
    split = sslkit.split(images, fraction)
    learns, watches = set(learnt[0].tolist()), set(watched[0].tolist())
    train, val, test = (set(r.tolist()) for r in (split.train, split.val, split.test))
    pool = set(split.pool.tolist())
    assert test
    assert val
    assert not (learns | watches) & test
    assert not learns & watches
    assert not learns & val
    if pretrain == "budget":
        assert (learns, watches) == (train, val)
    else:
        assert learns >= train
        assert watches >= val
        assert learns | watches == pool | set(images.rows("unlabelled").tolist())


@pytest.mark.parametrize("method", ["rotnet", "simclr"])
def test_pretraining_sees_no_label(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unlabelled:
        def __init__(self, images: Any) -> None:
            self.images = images

        def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
            return self.images.take(rows)[0], torch.full((len(rows),), -7)

    def without_labels(objective: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        return loop.fit(objective, Unlabelled(images), *args, **kwargs)

    recipe = small(method, protocols=("knn",))
    plain = sslkit.run(recipe, out=tmp_path / "plain")
    monkeypatch.setattr(pretraining, "fit", without_labels)
    blind = sslkit.run(recipe, out=tmp_path / "blind")
    assert_same_weights(plain.encoder_file, blind.encoder_file)


def test_the_encoder_of_a_run_is_pretrained_and_has_seen_no_label(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    assert undisturbed.encoder_file is not None
    assert encoder_files(store) == [undisturbed.encoder_file]
    torch.manual_seed(small().seed)
    before = Encoder(small().encoder).net.state_dict()
    after = load_file(undisturbed.encoder_file)
    assert set(after) == set(before)
    learnt = [name for name in before if not torch.equal(before[name], after[name])]
    assert any(name.endswith("weight") for name in learnt)
    # kNN trains nothing, so its encoder is as pretraining left it.
    untuned = sslkit.run(small(protocols=("knn",)), out=tmp_path)
    assert_same_weights(untuned.encoder_file, undisturbed.encoder_file)
