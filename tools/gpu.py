"""A prepared half-hour on a GPU: ``python -m tools.gpu --minutes 9 --out DIR``.

To be called three times or more, until it says "to the end; 0 wait". It runs from the
project's folder with the packages of ``environment.yml`` less papermill, without a
network and without being installed. Where images are on another machine::

    python -m tools.gpu --pack PACKED                  # here: archives, and the commit
    python -m tools.gpu --data PACKED --out FIRST      # there
    python -m tools.gpu --data PACKED --out SECOND --resume FIRST

What is begun lies in ``--store``. On a machine that came up fresh it is gone, and
``--resume`` takes what the last call left in its folder: at most eight files, the
records (``records.jsonl``), rates (``speed.csv``), what was done (``done.json``), a log
and the training in progress (``state.*``). ``PACKED`` may hold fewer sets, named after
``--pack``; what wants others waits. What travels together must stay below 64 MiB.

``--rehearse`` does all of it in small, on images of noise.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tools.gpu_tasks import Task

SETS = ("cifar10", "colon3")
KEPT = RECORDS, RATES, DONE, LOG = "records.jsonl", "speed.csv", "done.json", "log.txt"
WORTHWHILE = 30  # seconds for which a training is begun that can be resumed
LAST = 20  # seconds at the end, in which what is begun is put away
FOLDER: Any = click.Path(path_type=Path, file_okay=False)
THERE: Any = click.Path(path_type=Path, file_okay=False, exists=True)


class TimeUp(BaseException):
    """The minutes are over; like Ctrl-C it is no error."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise ``TimeUp`` in what is done within after so many seconds."""

    def ring(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again: once could come where Python drops what is raised.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def noise(root: Path) -> Path:
    """Image sets of a few images of noise, called as the real ones."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for name, side, train in (("cifar10", 32, 20), ("colon3", 96, 10)):
        for part, count in (("train", train), ("test", 3)):
            for label in ("bark", "moss", "stone"):
                folder = root / name / part / label
                folder.mkdir(parents=True, exist_ok=True)
                for i in range(count):
                    pixels = random.integers(256, size=(side, side, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
    return root


def pack(names: tuple[str, ...], folder: Path) -> None:
    """Pack image sets, and the commit, which the other machine cannot know."""
    from sslkit.images import folders
    from sslkit.runs.provenance import provenance
    from tools import travel

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commit").write_text(provenance()["commit"] or "")
    try:
        size = travel.pack(names or SETS, folders.data_root(), folder)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {size / 2**20:.1f} MiB")


def find_images(data: Path | None, store: Path) -> None:
    """Let ``SSLKIT_DATA`` name the image sets, unpacked if need be."""
    from sslkit.images import folders
    from tools import travel

    root = data or folders.data_root()
    if (commit := root / "commit").exists():
        os.environ.setdefault("SSLKIT_COMMIT", commit.read_text())
    os.environ["SSLKIT_DATA"] = str(travel.unpack(root, store / "data").absolute())


def do_all(
    todo: Iterable[Task], file: Path, end: float, say: Callable[[str], None]
) -> Iterator[str]:
    """Do what ``file`` does not say is done and there is time for.

    What failed is given by name; the next call tries it again.
    """
    from sslkit.images.folders import data_root
    from sslkit.runs.store import write

    done: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    waiting = 0
    for task in (task for task in todo if task.name not in done):
        kind = task.name.split(":")[0]
        known = [took for name, took in done.items() if name.split(":")[0] == kind]
        needed = max(known, default=task.seconds)
        if task.resumable:
            needed = min(needed, WORTHWHILE)
        began = time.monotonic()
        if task.data and not (data_root() / task.data).is_dir():
            say(f"{task.name}: waits for {task.data}")
            waiting += 1
        elif needed > end - began:
            say(f"{task.name}: waits, {needed:.0f} s are too long")
            waiting += 1
        else:
            try:
                said = task.work()
            except Exception:
                say(f"{task.name}: failed\n{traceback.format_exc()}")
                yield task.name
            else:
                done[task.name] = round(time.monotonic() - began, 2)
                write(file, done)
                say(f"{task.name}: {done[task.name]:.1f} s{said and f', {said}' or ''}")
    say(f"to the end; {waiting} wait")


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(SETS))
@click.option("--minutes", default=9.0, help="end before that")
@click.option("--out", type=FOLDER, help="what is brought back, eight files at most")
@click.option("--resume", type=THERE, help="what the last call brought back")
@click.option("--data", type=THERE, help="image sets or archives; or SSLKIT_DATA")
@click.option("--store", default="runs/gpu", type=FOLDER, help="what is begun")
@click.option("--rehearse", is_flag=True, help="all of it in small")
@click.option("--pack", "packed", type=FOLDER, help="pack image sets, and no more")
def main(
    names: tuple[str, ...],
    minutes: float,
    out: Path | None,
    resume: Path | None,
    data: Path | None,
    store: Path,
    rehearse: bool,
    packed: Path | None,
) -> None:
    """Do what is left, most valuable first; or pack the images of NAMES (all)."""
    end = time.monotonic() + 60 * minutes - min(LAST, 6 * minutes)
    if packed:
        pack(names, packed)
        return
    if out is None:
        raise click.UsageError("--out names the folder of what is brought back")
    os.environ.setdefault("TQDM_DISABLE", "1")
    from tools import gpu_tasks, travel
    from tools.gpu_work import Places

    out.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if resume and (resume / name).exists() and not (out / name).exists():
            shutil.copy(resume / name, out / name)

    def say(line: str) -> None:
        with (out / LOG).open("a") as log:
            log.write(f"{line}\n")
        click.echo(line)

    say(f"taken up: {', '.join(travel.unbundle(resume or out, store)) or 'nothing'}")
    plan = gpu_tasks.REHEARSAL if rehearse else gpu_tasks.GPU
    places = Places(store, out / RECORDS, out / RATES)
    failed: list[str] = []
    try:
        with at_most(end - time.monotonic()):
            if rehearse and data is None:
                data = store / "packed"
                travel.pack(SETS, noise(store / "noise"), data)
            find_images(data, store)
            todo = gpu_tasks.tasks(plan, places)
            failed.extend(do_all(todo, out / DONE, end, say))
    except TimeUp:
        say("the time is up; what is begun goes on at the next call")
    say(f"put away: {', '.join(travel.bundle(store, out)) or 'nothing'}")
    if failed:
        say(f"failed: {', '.join(failed)}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
