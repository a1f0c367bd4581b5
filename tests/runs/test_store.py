"""The store: files by their keys, whole or not there, written once by whoever it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import (
    assert_same,
    assert_same_weights,
    encoder_files,
    forbid,
    forks,
    record_files,
    small,
)

import sslkit
from sslkit.learning import encoders, loop
from sslkit.learning.encoders import Encoder
from sslkit.methods.pretraining import Pretrained
from sslkit.runs import exporting, records, running
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run
from sslkit.runs.store import Store, write

# ------------------------------------------------------------------------- files


def test_a_store_has_a_place_for_each_kind_of_file_and_makes_none_of_them(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "runs")
    assert store.record("ab") == tmp_path / "runs/records/ab.json"
    assert store.encoder("ab") == tmp_path / "runs/encoders/ab.safetensors"
    assert store.checkpoint("ab") == tmp_path / "runs/checkpoints/ab.pt"
    assert store.read("ab") is None
    assert not list(tmp_path.iterdir())


def test_a_store_reads_a_run_with_its_encoder_as_long_as_that_is_there(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    copy = Store(shutil.copytree(store, tmp_path / "copy"))
    found = copy.read(undisturbed.key)
    assert found is not None
    assert_same(found, undisturbed)
    pretrained = found.about["pretraining_key"]
    assert found.encoder_file == copy.encoder(pretrained)
    shutil.rmtree(tmp_path / "copy" / "encoders")
    found = copy.read(undisturbed.key)
    assert found is not None
    assert found.encoder_file is None
    assert found.encoder is None
    resnet = json.loads(copy.record(undisturbed.key).read_text())
    resnet["recipe"]["encoder"]["backbone"] = "resnet18"
    write(copy.record("resnet"), resnet)
    with pytest.raises(ValueError, match="no longer in"):
        exporting.export("resnet", tmp_path / "x.safetensors", out=copy.folder)


BROKEN = {
    "cut": '{"key": "ab',
    "empty": "",
    "no text": b"\xff\xfe\x00",
    "a list": "[1, 2]",
    "of nothing": "{}",
    "scores are a list": {"scores": [0.5]},
    "nothing about it": {"about": {}},
    "about is a list": {"about": []},
    "an unknown field": {"recipe": {"colour": "red"}},
    "a value out of range": {"recipe": {"fraction": 0.5, "protocols": []}},
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_record_is_an_error_that_names_the_file_and_the_way_out(
    how: str, undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    copy = Store(shutil.copytree(store, tmp_path / "copy"))
    file = copy.record(undisturbed.key)
    broken: Any = BROKEN[how]
    if isinstance(broken, dict):
        plain = json.loads(file.read_text())
        for part, value in broken.items():
            plain[part] = plain[part] | value if part == "recipe" else value
        broken = json.dumps(plain)
    file.write_bytes(broken if isinstance(broken, bytes) else broken.encode())
    for look in (running.recorded, sslkit.run):
        with pytest.raises(ValueError, match="remove it to have the run anew") as told:
            look(small(), out=copy.folder)
        assert f"'{file}' is not a record" in str(told.value)
    file.unlink()
    assert_same(sslkit.run(small(), out=copy.folder), undisturbed)  # the way out


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{}",
        "[1, 2]",
        '{"history": {}',
        '{"history": [], "seconds": 1}',
        "no encoder",
    ],
)
def test_a_broken_note_of_a_pretraining_is_an_error_with_the_way_out(
    broken: str, undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    copy = Store(shutil.copytree(store, tmp_path / "copy"))
    pretrained = undisturbed.about["pretraining_key"]
    note = copy.note(pretrained)
    if broken == "no encoder":
        copy.encoder(pretrained).unlink()
    else:
        note.write_text(broken)
    copy.record(undisturbed.key).unlink()
    with pytest.raises(ValueError, match="remove it to have the encoder anew") as told:
        sslkit.run(small(), out=copy.folder)
    assert f"'{note}' is no note of a pretraining" in str(told.value)
    note.unlink()
    assert_same(sslkit.run(small(), out=copy.folder), undisturbed)  # the way out


def test_a_store_that_cannot_be_written_is_named_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, running, "pretrain", "judge")

    def read_only(path: Path, **_: Any) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(
        OSError, match=r"store '.*/x' cannot be written \(Read-only.*out="
    ):
        sslkit.run(small(), out=tmp_path / "x")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.json"
    write(file, {"b": 1, "a": [0.5]})
    assert json.loads(file.read_text()) == {"a": [0.5], "b": 1}
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            write(file, {"value": value})
    assert json.loads(file.read_text()) == {"a": [0.5], "b": 1}
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]


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
        assert_same_weights(file, undisturbed.encoder_file)
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
    code = _stop(4, signal.SIGINT, small(), tmp_path)  # while it saves the second
    assert code == 1  # KeyboardInterrupt reached the top
    (checkpoint,) = (tmp_path / "checkpoints").glob("*.pt")
    assert torch.load(checkpoint, weights_only=True)["epoch"] == 1
    assert not record_files(tmp_path)
    assert_same(sslkit.run(small(), out=tmp_path), undisturbed)
    assert not list((tmp_path / "checkpoints").iterdir())


def _together(barrier: Barrier, recipe: Recipe, store: Path, seen: Path) -> None:
    """In a child: do a recipe, beginning when the other child begins."""
    split_of, pretrain = running.split_of, running.pretrain

    def split_and_wait(*args: Any, **kwargs: Any) -> Any:
        found = split_of(*args, **kwargs)
        barrier.wait(300)
        return found

    def counted(*args: Any, **kwargs: Any) -> Pretrained:
        (seen / f"pretrained-by-{os.getpid()}").touch()
        return pretrain(*args, **kwargs)

    running.split_of, running.pretrain = split_and_wait, counted
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
    assert_same_weights(file, undisturbed.encoder_file)
