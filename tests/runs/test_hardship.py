"""Hardship: a disk that is full at any one write, and eight processes at once."""

from __future__ import annotations

import errno
import os
import shutil
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from small_runs import (
    assert_same,
    assert_same_weights,
    encoder_files,
    forks,
    record_files,
    small,
)

import sslkit
from sslkit.learning import loop
from sslkit.runs import records, running
from sslkit.runs.records import Run
from sslkit.runs.store import Store

WRITERS = 8


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Let the disk be full whenever a file is first written; which files these were.

    What was written of it by then is cut to half, as a full disk does.
    """
    files: set[Path] = set()
    put = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target not in files:
            files.add(target)
            os.truncate(self, self.stat().st_size // 2)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return put(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    return files


def test_a_disk_that_is_full_at_any_write_costs_nothing_but_time(
    undisturbed: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: set[Path],
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    out = tmp_path / "store"
    for count in range(1, 6):
        with pytest.raises(OSError, match="No space left on device") as told:
            sslkit.run(small(), out=out)
        assert len(refused) == count
        assert any(f"'{file}' cannot be written" in str(told.value) for file in refused)
        assert not list(out.rglob(".*")), "nothing half written is left"
        assert not record_files(out)
    found = sslkit.run(small(), out=out)
    places = [file.parent.name for file in refused]
    assert sorted(places) == "checkpoints checkpoints encoders encoders records".split()
    assert_same(found, undisturbed)
    (file,) = encoder_files(out)
    assert_same_weights(file, undisturbed.encoder_file)
    assert not list((out / "checkpoints").iterdir())


def test_a_checkpoint_that_a_killed_process_could_not_remove_goes_away(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    copy = Store(shutil.copytree(store, tmp_path / "copy"))
    copy.record(undisturbed.key).unlink()
    checkpoint = copy.checkpoint(undisturbed.about["pretraining_key"])
    checkpoint.parent.mkdir(exist_ok=True)
    for file in (checkpoint, checkpoint.with_name(f".{checkpoint.name}.partial")):
        file.write_bytes(b"left over when the encoder was whole")
    assert_same(sslkit.run(small(), out=copy.folder), undisturbed)
    assert not list(checkpoint.parent.iterdir())


def _at_once(barrier: Barrier, number: int, out: Path, seen: Path) -> None:
    """In a child: do three recipes, in an order of one's own, when all others do."""
    do = running._do

    def counted(*args: object) -> Run:
        (seen / f"{args[1]}-by-{number}").touch()
        return do(*args)  # type: ignore[arg-type]

    running._do = counted  # type: ignore[assignment]
    recipes = [small("random", seed=seed, protocols=("linear",)) for seed in range(2)]
    recipes.append(small("rotnet", protocols=("knn",)))
    turn = number % len(recipes)
    barrier.wait(300)
    lines = [
        records.to_line(sslkit.run(one, out=out))
        for one in (*recipes[turn:], *recipes[:turn])
    ]
    (seen / f"said-by-{number}").write_text("\n".join(sorted(lines)))


def test_eight_writers_on_one_store_do_each_recipe_once_and_get_the_same(
    tmp_path: Path,
) -> None:
    out, seen = tmp_path / "store", tmp_path / "seen"
    seen.mkdir()
    barrier = forks.Barrier(WRITERS)
    children = [
        forks.Process(target=_at_once, args=(barrier, number, out, seen))
        for number in range(WRITERS)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0] * WRITERS
    assert len(list(seen.glob("*-by-*"))) == 3 + WRITERS, "each was done by one alone"
    assert len({file.read_text() for file in seen.glob("said-by-*")}) == 1
    assert len(record_files(out)) == len(records.read(out)) == 3
    assert len(encoder_files(out)) == 1
    assert not list(out.rglob(".*"))
