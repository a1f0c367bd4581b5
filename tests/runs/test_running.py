"""Runs: done once, recorded whole, found again by content, and safe to kill."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

import sslkit
from sslkit.images.splits import split
from sslkit.learning import encoders, loop
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted
from sslkit.runs import keys, records, running
from sslkit.runs.recipes import Data, Recipe
from sslkit.runs.records import Run
from sslkit.study import tables

# Children are copies of one process that has imported all this and computed nothing:
# as fresh as started anew, without the seconds of importing torch.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["PIL.Image", "pytest", "sslkit.runs.running"])


def small(method: str = "rotnet", **changes: Any) -> Recipe:
    """A run of a second: 60 images to learn from, 60 to test on."""
    values = {"profile": "smoke", "limit": 20, "fraction": 0.5, **changes}
    return sslkit.recipe(method, **values)


def results(run: Run) -> dict[str, dict[str, Any]]:
    """The scores without the time they took."""
    scores = {name: asdict(score) for name, score in run.scores.items()}
    for score in scores.values():
        assert score.pop("seconds") >= 0
    return scores


def assert_same(run: Run, other: Run) -> None:
    """All but time, place and names."""
    assert run.key == other.key
    assert results(run) == results(other)
    pd.testing.assert_frame_equal(run.history, other.history)


def encoder_files(store: Path) -> list[Path]:
    return sorted((store / "encoders").glob("[!.]*.safetensors"))


def record_files(store: Path) -> list[Path]:
    return sorted((store / "records").glob("[!.]*"))


def assert_same_weights(file: Path | None, other: Path | None) -> None:
    assert file is not None
    assert other is not None
    torch.testing.assert_close(load_file(file), load_file(other), rtol=0, atol=0)


def forbid(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(owner, name, fail)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(scope="module")
def undisturbed(store: Path) -> Run:
    """A run that nothing stopped."""
    return sslkit.run(small(), out=store)


# ------------------------------------------------------------------ done once


def test_a_recipe_that_was_done_is_read_and_not_done_again(
    undisturbed: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, runs, "fit")
    forbid(monkeypatch, runs, "evaluate")
    before = {path: path.stat().st_mtime_ns for path in record_files(store)}
    again = sslkit.run(small(), out=store)
    assert_same(again, undisturbed)
    assert again.about == undisturbed.about
    assert again.encoder == undisturbed.encoder
    assert {path: path.stat().st_mtime_ns for path in record_files(store)} == before


def test_a_run_is_told_the_same_whether_it_was_just_done_or_read(
    undisturbed: Run, store: Path
) -> None:
    (read,) = records.read(store)
    assert_same(read, undisturbed)
    assert read.recipe == undisturbed.recipe == small()
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
    assert sslkit.recipes.from_dict(plain["recipe"]) == small()
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

    monkeypatch.setattr(running, "fit", watched)
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
    ("method", "phases"), [("supervised", {"finetune"}), ("random", {"linear"})]
)
def test_without_a_method_nothing_is_pretrained(
    method: str, phases: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, runs, "fit")
    run = sslkit.run(small(method), out=tmp_path)
    assert run.encoder is None
    assert not encoder_files(tmp_path)
    assert set(run.history["phase"]) == set(run.about["seconds"]) == phases


def test_the_random_floor_is_the_probe_of_weights_that_only_the_seed_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Tensor]] = []
    evaluate = running.evaluate

    def watched(protocols: Any, features: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(dict(features.encoder.net.named_parameters()))
        return evaluate(protocols, features, *args, **kwargs)

    monkeypatch.setattr(running, "evaluate", watched)
    sslkit.run(small("random", seed=5), out=tmp_path)
    torch.manual_seed(5)
    expected = dict(Encoder(encoders.EncoderSettings()).net.named_parameters())
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=0)


class Stop(Exception):
    """Enough was seen."""


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

    monkeypatch.setattr(running, "fit", instead)
    recipe = small(pretrain=pretrain, fraction=fraction)
    with pytest.raises(Stop):
        sslkit.run(recipe, out=tmp_path)
    images = sslkit.load("shapes", limit=20)
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
    monkeypatch.setattr(running, "fit", without_labels)
    blind = sslkit.run(recipe, out=tmp_path / "blind")
    assert_same_weights(plain.encoder, blind.encoder)


def test_the_encoder_of_a_run_is_pretrained_and_has_seen_no_label(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    assert undisturbed.encoder is not None
    assert encoder_files(store) == [undisturbed.encoder]
    torch.manual_seed(small().seed)
    before = Encoder(small().encoder).net.state_dict()
    after = load_file(undisturbed.encoder)
    assert set(after) == set(before)
    learnt = [name for name in before if not torch.equal(before[name], after[name])]
    assert any(name.endswith("weight") for name in learnt)
    # kNN trains nothing, so its encoder is as pretraining left it.
    untuned = sslkit.run(small(protocols=("knn",)), out=tmp_path)
    assert_same_weights(untuned.encoder, undisturbed.encoder)


# ------------------------------------------------------------------- two keys


def test_fractions_share_a_pretraining_on_all_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sslkit.run(
        small(fraction=0.25, pretrain="all", protocols=("knn",)), out=tmp_path
    )
    forbid(monkeypatch, runs, "fit")
    others = [
        sslkit.run(
            small(fraction=share, pretrain="all", protocols=("knn",)), out=tmp_path
        )
        for share in (0.5, 1.0)
    ]
    assert len({run.key for run in (first, *others)}) == 3
    assert encoder_files(tmp_path) == [first.encoder]
    for run in others:
        assert run.encoder == first.encoder
        pd.testing.assert_frame_equal(run.history, first.history)
        assert run.about["seconds"]["pretrain"] == first.about["seconds"]["pretrain"]


def test_fractions_share_no_pretraining_on_their_budgets(tmp_path: Path) -> None:
    for share in (0.25, 0.5, 1.0):
        recipe = small(fraction=share, pretrain="budget", protocols=("knn",))
        sslkit.run(recipe, out=tmp_path)
    assert len(encoder_files(tmp_path)) == len(record_files(tmp_path)) == 3


def test_protocols_share_a_pretraining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sslkit.run(small(pretrain="budget", protocols=("knn",)), out=tmp_path)
    forbid(monkeypatch, runs, "fit")
    second = sslkit.run(small(pretrain="budget", protocols=("linear",)), out=tmp_path)
    assert first.key != second.key
    assert encoder_files(tmp_path) == [first.encoder] == [second.encoder]


@pytest.mark.parametrize("changed", ["draw", "seed", "method", "lr"])
def test_what_decides_pretraining_makes_another_one(
    changed: str, undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def instead(*_: Any, **__: Any) -> None:
        raise Stop

    start = small()
    one = {
        "draw": replace(start, draw=1),
        "seed": replace(start, seed=1),
        "method": small("rotnet-jitter"),
        "lr": replace(start, pretraining=replace(start.pretraining, lr=1e-4)),
    }[changed]
    encoder = undisturbed.encoder
    assert encoder is not None
    shutil.copytree(encoder.parent, tmp_path / "encoders")
    monkeypatch.setattr(running, "fit", instead)
    sslkit.run(replace(start, protocols=("knn",)), out=tmp_path)  # shares it: no Stop
    with pytest.raises(Stop):
        sslkit.run(one, out=tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 10 training and 5 test images of noise."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 5)):
        for label in ("bark", "moss"):
            here = folder / part / label
            here.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(here / f"{i}.png")
    return folder


def on_folder(folder: Path, **changes: Any) -> Recipe:
    values = {"data": str(folder), "fraction": 1.0, "image_size": 16, **changes}
    return small("random", protocols=("knn",), **values)


def test_the_place_and_the_name_of_a_folder_do_not_matter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = sslkit.run(on_folder(folder), out=out)
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "other-name")
    forbid(monkeypatch, runs, "evaluate")
    again = sslkit.run(on_folder(moved), out=out)
    assert again.key == first.key
    assert results(again) == results(first)


def test_the_profile_is_a_label_that_decides_nothing(
    undisturbed: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, runs, "fit")
    forbid(monkeypatch, runs, "evaluate")
    again = sslkit.run(replace(small(), profile="a chapter's own"), out=store)
    assert again.key == undisturbed.key


def change_a_pixel(folder: Path) -> None:
    file = folder / "train" / "bark" / "3.png"
    pixels = np.asarray(Image.open(file)).copy()
    pixels[2, 5, 1] ^= 1
    Image.fromarray(pixels).save(file)


def change_a_test_pixel(folder: Path) -> None:
    file = folder / "test" / "moss" / "0.png"
    pixels = np.asarray(Image.open(file)).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(file)


def change_a_label(folder: Path) -> None:
    # The last of one class becomes the first of the next: no pixel changes its row.
    train = folder / "train"
    (train / "bark" / "9.png").rename(train / "moss" / "0-.png")


def rename_a_class(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part / "moss").rename(folder / part / "sand")


@pytest.mark.parametrize(
    "change", [change_a_pixel, change_a_test_pixel, change_a_label, rename_a_class]
)
def test_other_images_or_labels_are_another_run(
    change: Callable[[Path], None], folder: Path, tmp_path: Path
) -> None:
    first = sslkit.run(on_folder(folder), out=tmp_path / "out")
    changed = shutil.copytree(folder, tmp_path / "changed")
    change(changed)
    second = sslkit.run(on_folder(changed), out=tmp_path / "out")
    assert second.key != first.key
    assert second.about["pretraining_key"] != first.about["pretraining_key"]
    assert len(record_files(tmp_path / "out")) == 2


def test_each_value_that_decides_a_run_is_in_its_key(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = on_folder(folder)
    changed = [
        replace(start, seed=1),
        replace(start, draw=1),
        replace(start, fraction=0.75),
        replace(start, protocols=("linear",)),
        replace(start, probe=replace(start.probe, lr=0.5)),
        replace(start, downstream=replace(start.downstream, epochs=9)),
        replace(start, augmentation=replace(start.augmentation, flip=0.1)),
        replace(start, precision="64-true"),
        replace(start, extra_unlabelled=start.data),
    ]
    names = [sslkit.run(one, out=tmp_path).key for one in (start, *changed)]
    monkeypatch.setattr(keys, "RESULTS_VERSION", keys.RESULTS_VERSION + 1)
    names.append(sslkit.run(start, out=tmp_path).key)
    assert len(set(names)) == len(changed) + 2


def test_a_change_of_results_pretrains_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(protocols=("knn",))
    sslkit.run(recipe, out=tmp_path)
    monkeypatch.setattr(keys, "RESULTS_VERSION", keys.RESULTS_VERSION + 1)
    sslkit.run(recipe, out=tmp_path)
    assert len(encoder_files(tmp_path)) == 2


def test_starting_weights_count_by_their_content_not_by_their_file(
    folder: Path, tmp_path: Path
) -> None:
    file, copy = tmp_path / "start.safetensors", tmp_path / "copy.safetensors"
    torch.manual_seed(0)
    encoders.save(Encoder(encoders.EncoderSettings()), file)
    shutil.copy(file, copy)
    recipe = on_folder(folder, init=str(file))
    first = sslkit.run(recipe, out=tmp_path)
    assert sslkit.run(on_folder(folder, init=str(copy)), out=tmp_path).key == first.key
    torch.manual_seed(1)
    encoders.save(Encoder(encoders.EncoderSettings()), file)
    assert sslkit.run(recipe, out=tmp_path).key != first.key


def test_starting_weights_that_are_not_there_are_an_error_that_names_the_file(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.safetensors"):
        sslkit.run(on_folder(folder, init="nowhere.safetensors"), out=tmp_path)


# ------------------------------------------------- killed, stopped, side by side


def _stopped(moment: int, how: signal.Signals, recipe: Recipe, store: Path) -> None:
    """In a child: do a recipe, but stop at the n-th change of the store.

    A change is a file opened for writing, put in its place or removed. Killed at one of
    the first two, the file is left half written.
    """
    count = 0
    placed: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        writes = event == "open" and "w" in (args[1] or "")
        if not (writes or event in ("os.rename", "os.remove")):
            return
        path = str(args[0])
        if not path.startswith(f"{store}/"):
            return
        count += 1
        if event == "os.rename":
            placed.append(str(args[1]))
        if count == moment:
            if how == signal.SIGKILL and writes:
                os.write(os.open(path, os.O_CREAT | os.O_WRONLY), b'{"key": "ab')
            if how == signal.SIGKILL and event == "os.rename":
                os.truncate(path, os.path.getsize(path) // 2)  # noqa: PTH202
            os.kill(os.getpid(), how)

    loop.SECONDS_BETWEEN_CHECKPOINTS = -1  # after every epoch
    sys.addaudithook(hook)
    sslkit.run(recipe, out=store)
    store.with_suffix(".placed").write_text("\n".join(placed))


def _stop(moment: int, how: signal.Signals, recipe: Recipe, store: Path) -> int | None:
    child = forks.Process(target=_stopped, args=(moment, how, recipe, store))
    child.start()
    child.join(300)
    return child.exitcode


def test_a_run_killed_at_any_change_leaves_nothing_half_written_and_resumes(
    undisturbed: Run, tmp_path: Path
) -> None:
    resumed = 0
    for moment in range(1, 100):
        out = tmp_path / str(moment)
        code = _stop(moment, signal.SIGKILL, small(), out)
        if code == 0:  # there is no such change
            break
        assert code == -signal.SIGKILL
        assert not record_files(out)
        with pytest.raises(ValueError, match="no records"):
            records.read(out)
        for file in encoder_files(out):
            encoders.load(Encoder(small().encoder), file)  # whole, or an error
        for checkpoint in (out / "checkpoints").glob("*.pt"):
            torch.load(checkpoint, weights_only=True)
            resumed += 1
        assert_same(sslkit.run(small(), out=out), undisturbed)
        (file,) = encoder_files(out)
        assert_same_weights(file, undisturbed.encoder)
        assert [run.key for run in records.read(out)] == [undisturbed.key]
    assert resumed >= 2  # in pretraining and in fine-tuning
    assert_same(records.read(out)[0], undisturbed)
    # What Python does not see opened was not written in its place, either.
    placed = set(out.with_suffix(".placed").read_text().splitlines())
    notes = (out / "encoders").glob("[!.]*.json")
    assert {str(p) for p in (*record_files(out), *encoder_files(out), *notes)} <= placed


def test_a_record_that_is_being_written_does_not_hide_the_others(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    whole = record_files(store)[0].read_text()
    for moment in range(1, 100):
        out = shutil.copytree(store, tmp_path / str(moment))
        assert _stop(moment, signal.SIGKILL, small(seed=1), out) == -signal.SIGKILL
        if list((out / "records").glob(".*")):  # killed while writing the record
            break
    assert [run.key for run in records.read(out)] == [undisturbed.key]
    assert record_files(out)[0].read_text() == whole


def test_a_run_stopped_by_ctrl_c_resumes_to_the_same_scores(
    undisturbed: Run, tmp_path: Path
) -> None:
    code = _stop(2, signal.SIGINT, small(), tmp_path)
    assert code == 1  # KeyboardInterrupt reached the top
    (checkpoint,) = (tmp_path / "checkpoints").glob("*.pt")
    assert torch.load(checkpoint, weights_only=True)["epoch"] == 1
    assert not record_files(tmp_path)
    assert_same(sslkit.run(small(), out=tmp_path), undisturbed)
    assert not list((tmp_path / "checkpoints").iterdir())


def _together(barrier: Barrier, recipe: Recipe, store: Path, seen: Path) -> None:
    """In a child: do a recipe, beginning when the other child begins."""
    split, fit = running.split, running.fit

    def split_and_wait(*args: Any, **kwargs: Any) -> Any:
        found = split(*args, **kwargs)
        barrier.wait(300)
        return found

    def counted(*args: Any, **kwargs: Any) -> Fitted:
        (seen / f"pretrained-by-{os.getpid()}").touch()
        return fit(*args, **kwargs)

    running.split, running.fit = split_and_wait, counted
    run = sslkit.run(recipe, out=store)
    (seen / f"run-of-{os.getpid()}").write_text(records.to_line(run))


@pytest.mark.parametrize("same", [True, False])
def test_two_processes_at_once_do_the_shared_work_once(
    same: bool, undisturbed: Run, tmp_path: Path
) -> None:
    seen, out = tmp_path / "seen", tmp_path / "store"
    seen.mkdir()
    recipes = [small(), small() if same else small(protocols=("knn",))]
    barrier = forks.Barrier(2)
    children = [
        forks.Process(target=_together, args=(barrier, one, out, seen))
        for one in recipes
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0, 0]
    assert len(list(seen.glob("pretrained-by-*"))) == 1
    lines = [path.read_text() for path in seen.glob("run-of-*")]
    assert len(lines) == 2
    assert len(set(lines)) == len(record_files(out)) == (1 if same else 2)
    (file,) = encoder_files(out)
    assert_same_weights(file, undisturbed.encoder)


def test_many_recipes_in_processes_give_what_one_after_another_gives(
    tmp_path: Path,
) -> None:
    todo = [
        small("supervised"),
        small("random"),
        small("simclr", protocols=("linear",)),
        small("simclr", protocols=("knn",)),
    ]
    serial = list(running.run_all(todo, out=tmp_path / "serial"))
    with ProcessPoolExecutor(2, forks) as pool:
        every = running.run_all(todo, out=tmp_path / "parallel", executor=pool)
        parallel = {run.recipe: run for run in every}
    assert [run.recipe for run in serial] == todo
    assert set(parallel) == set(todo)
    for one in serial:
        assert_same(one, parallel[one.recipe])
    files = [encoder_files(tmp_path / name)[0] for name in ("serial", "parallel")]
    assert_same_weights(*files)


def test_threads_do_one_recipe_at_a_time_and_give_what_one_after_another_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[str] = []
    evaluate = running.evaluate

    def alone(*args: Any, **kwargs: Any) -> Any:
        inside.append("begun")
        assert inside == ["begun"]
        time.sleep(0.1)  # leaves the other thread its chance
        done = evaluate(*args, **kwargs)
        inside.clear()
        return done

    monkeypatch.setattr(running, "evaluate", alone)
    todo = [small("rotnet", seed=3), small("simclr", seed=4)]
    serial = list(running.run_all(todo, out=tmp_path / "serial"))
    with ThreadPoolExecutor(2) as pool:
        every = running.run_all(todo, out=tmp_path / "threads", executor=pool)
        threads = {run.recipe: run for run in every}
    for one in serial:
        assert_same(one, threads[one.recipe])


@pytest.mark.parametrize("here", [True, False])
def test_a_recipe_that_fails_is_named_and_does_not_stop_the_others(
    here: bool, tmp_path: Path
) -> None:
    wrong = small("random", data="no-such-set", draw=7)
    todo = [wrong, small("random", protocols=("knn",))]
    done = []
    with ThreadPoolExecutor(1) as pool:
        every = running.run_all(todo, out=tmp_path, executor=None if here else pool)
        with pytest.raises(ValueError, match="no-such-set") as caught:
            done.extend(every)
    assert caught.value.__notes__ == ["in random, fraction 0.5, draw 7"]
    assert [run.recipe for run in done] == todo[1:]
    assert [run.recipe for run in records.read(tmp_path)] == todo[1:]


def test_who_stops_asking_for_runs_cancels_what_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    finish = threading.Event()

    def instead(recipe: Recipe, **_: Any) -> int:
        asked.append(recipe.draw)
        if recipe.draw == 1:
            finish.wait(60)
        return recipe.draw

    monkeypatch.setattr(running, "run", instead)
    todo = [small(draw=draw) for draw in range(9)]
    with ThreadPoolExecutor(1) as pool:
        every = running.run_all(todo, out=tmp_path, executor=pool)
        assert next(every) == 0
        every.close()  # what Ctrl-C does to it, too
        finish.set()
    assert set(asked) <= {0, 1}


def test_a_recorded_recipe_is_found_and_another_is_not(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    found = running.find(small(), out=store)
    assert found is not None
    assert_same(found, undisturbed)
    assert found.encoder == undisturbed.encoder
    assert running.find(small(seed=9), out=store) is None
    assert running.find(small(), out=tmp_path) is None
    assert not list(tmp_path.iterdir())


# --------------------------------------------------------------------- export


def few(**changes: Any) -> Recipe:
    """A ResNet-18 pretrained for one step on a handful of images."""
    values = {
        "backbone": "resnet18",
        "epochs": 1,
        "limit": 10,
        "pretrain": "budget",
        "protocols": ("knn",),
    }
    return small("simclr", **{**values, **changes})


def check_features(model: nn.Module, run: Run, size: int) -> None:
    """Compare torchvision's model on normalised images with our encoder."""
    from torchvision.transforms.functional import normalize

    encoder = Encoder(run.recipe.encoder).eval()
    assert run.encoder is not None
    encoders.load(encoder, run.encoder)
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = model.eval()(
            normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
        torch.testing.assert_close(theirs, encoder(images), rtol=1e-4, atol=1e-4)


def test_an_exported_small_stem_loads_by_the_lines_that_export_prints(
    tmp_path: Path,
) -> None:
    run = sslkit.run(few(), out=tmp_path)
    assert run.recipe.encoder.stem == "small"
    file = tmp_path / "it's an encoder.safetensors"
    lines = running.export(run.key, file, out=tmp_path)
    names: dict[str, Any] = {}
    exec(lines, names)  # as a reader would paste them
    model = names["model"]
    assert set(load_file(file)) == set(model.state_dict())
    assert not any(name.startswith("fc.") for name in load_file(file))
    check_features(model, run, 32)


def test_an_exported_image_stem_fits_torchvisions_own_model_but_for_its_classifier(
    tmp_path: Path,
) -> None:
    from torchvision.models import resnet18

    run = sslkit.run(few(image_size=72), out=tmp_path)
    assert run.recipe.encoder.stem == "image"
    file = tmp_path / "encoder.safetensors"
    lines = running.export(run.key, file, out=tmp_path)
    own = resnet18()
    unmatched = own.load_state_dict(load_file(file), strict=False)
    assert sorted(unmatched.missing_keys) == ["fc.bias", "fc.weight"]
    assert not unmatched.unexpected_keys
    names: dict[str, Any] = {}
    exec(lines, names)
    check_features(names["model"], run, 72)
    own.fc = nn.Identity()
    check_features(own, run, 72)


def test_the_tiny_encoder_has_no_counterpart_to_be_exported_to(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no counterpart"):
        running.export(undisturbed.key, tmp_path / "x.safetensors", out=store)
    assert not list(tmp_path.iterdir())


def test_a_run_without_pretraining_has_nothing_to_export(tmp_path: Path) -> None:
    run = sslkit.run(small("random", protocols=("knn",)), out=tmp_path)
    with pytest.raises(ValueError, match="no pretraining"):
        running.export(run.key, tmp_path / "x.safetensors", out=tmp_path)


def test_a_key_without_a_record_is_an_error_that_names_the_place(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match=r"records.abc\.json"):
        running.export("abc", tmp_path / "x.safetensors", out=tmp_path)


# ------------------------------------------------------- which images pretrain


@pytest.mark.parametrize("pretrain", ["budget", "all", "extra"])
def test_pretraining_sees_the_images_it_is_told_to_and_no_test_image(
    pretrain: Any, folder: Path
) -> None:
    recipe = replace(
        on_folder(folder, fraction=0.5),
        pretrain=pretrain,
        extra_unlabelled=Data(name="shapes", limit=4),
    )
    images = running.load_images(recipe.data, recipe.extra_unlabelled)
    rows = split(images, recipe.fraction)
    learnt, watched = keys.pretraining_rows(recipe, images, rows)
    extra = set(images.rows("extra").tolist())
    own = {
        "budget": set(rows.train.tolist()),
        "all": set(rows.unlabelled.tolist()),
        "extra": set(),
    }[pretrain]
    assert len(extra) == 12 + 12  # of training and unlabelled, four a class
    assert set(learnt.tolist()) == own | extra
    assert not extra & set(watched.tolist())
    assert not set(learnt.tolist()) & set(watched.tolist())
    assert not set(rows.test.tolist()) & {*learnt.tolist(), *watched.tolist()}


def test_extra_images_need_a_source() -> None:
    with pytest.raises(ValueError, match="extra_unlabelled"):
        replace(small(), pretrain="extra")


def test_a_recipe_with_extra_images_survives_its_record(
    folder: Path, tmp_path: Path
) -> None:
    recipe = replace(on_folder(folder), extra_unlabelled=Data(name="shapes", limit=4))
    done = sslkit.run(recipe, out=tmp_path)
    assert done.recipe == recipe
    assert running.find(recipe, out=tmp_path) is not None
    frame = tables.table([done])
    assert frame["pretrain"].tolist() == ["none"]  # a random encoder


def test_auto_is_the_precision_that_it_stands_for(folder: Path) -> None:
    start = on_folder(folder)
    images = running.load_images(start.data)
    rows = split(images, start.fraction)
    meant = "bf16-mixed" if torch.cuda.is_available() else "32-true"
    one, other = (
        keys.run_key(replace(start, precision=name), images, rows)
        for name in ("auto", meant)
    )
    assert one == other


def test_starting_weights_are_found_by_name_under_the_data(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    torch.manual_seed(0)
    encoders.save(Encoder(encoders.EncoderSettings()), tmp_path / "start.safetensors")
    named = sslkit.run(on_folder(folder, init="start.safetensors"), out=tmp_path)
    whole = on_folder(folder, init=str(tmp_path / "start.safetensors"))
    assert sslkit.run(whole, out=tmp_path).key == named.key
    assert named.recipe.encoder.init == "start.safetensors"
