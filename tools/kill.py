"""Kill what the project does, at random moments, and look: ``python -m tools.kill``.

Every kind of work is begun by its own command, killed (SIGKILL, with the processes that
it started), begun again by the same command, perhaps killed again, and let end. What it
leaves is then compared with what an undisturbed one left: records but for seconds, date
and commit, weights bit for bit, every other file byte for byte, and no file more or
less. After every kill each file that a reader would take for whole must be the one that
an undisturbed command leaves, or the one that was there before.

A moment is drawn evenly from the time between the first change of a file and the end,
since only what is changed can be torn: importing torch, most of the time of such small
work, changes nothing. For the same reason a command is a copy (a fork) of a process
that has imported all of it; what it starts itself, as a sweep its workers, it starts as
always, and the building of a chapter is a new Python. Checkpoints are written after
every epoch, not every ten seconds.

Each kill is a row of ``book/results/kills.csv``. Interrupted, the command goes on where
it was; rows of another commit are measured anew.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

import click

from tools import measured
from tools.kill_work import WORKS, Work, left

FILE = Path("book/results/kills.csv")
IMPORTED = """
    tools.kill_work sslkit.__main__ sslkit.folder.studying sslkit.study.published
    sslkit.study.sweeping lightning.fabric scipy.stats sklearn.metrics torchvision
""".split()
AGAIN = 0.4  # chance that what was begun again is killed again
MOST = 4  # kills in a row
SECONDS_BETWEEN_LOOKS = 0.002

forks = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        moment: Since the first change of a file, as a share of the undisturbed time.
        touched: The file that had been changed last, ``*`` for a key.
        torn: Files that a reader would have taken for whole, and were not.
    """

    moment: float
    touched: str
    torn: int


def undisturbed(work: Work, folder: Path) -> tuple[dict[str, str], float]:
    """What a work leaves, and its seconds from the first change of a file to the end.

    Raises:
        ClickException: If it fails; names its log.
    """
    work.begin(folder)
    process = _started(work, folder)
    begun = time.perf_counter()
    process.join()
    if process.exitcode != 0:
        raise click.ClickException(f"failed undisturbed: see '{_log(folder)}'")
    return left(folder / work.output, ended=True), time.perf_counter() - begun


def disturbed(
    work: Work,
    folder: Path,
    whole: Mapping[str, str],
    seconds: float,
    chance: random.Random,
) -> tuple[list[Kill], bool]:
    """Do a work, but kill it now and then.

    Args:
        work: What to do.
        folder: An empty one, for all that it reads and writes.
        whole: What an undisturbed one leaves.
        seconds: That an undisturbed one takes, from its first change of a file.
        chance: Draws the moments.

    Returns:
        The kills, none if every moment came too late; and whether it ended as an
        undisturbed one.
    """
    work.begin(folder)
    out = folder / work.output
    before = left(out, ended=False)
    kills: list[Kill] = []
    while True:
        process = _started(work, folder)
        again = len(kills) < MOST and (not kills or chance.random() < AGAIN)
        moment = chance.uniform(0, seconds)
        process.join(moment if again else None)
        if process.exitcode is not None:
            same = process.exitcode == 0 and left(out, ended=True) == whole
            return kills, same
        os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        torn = [
            name
            for name, digest in left(out, ended=False).items()
            if digest not in (whole.get(name), before.get(name))
        ]
        kills.append(Kill(round(moment / seconds, 3), _touched(out), len(torn)))


def _started(work: Work, folder: Path) -> BaseProcess:
    """A process that does a work, and has changed a file or ended."""
    out = folder / work.output
    before = _times(out)
    process = forks.Process(target=_do, args=(work, folder))
    process.start()
    while process.exitcode is None and _times(out) == before:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return process


def _do(work: Work, folder: Path) -> None:
    """In a child: do a work as the first process of a group, which is killed whole."""
    from sslkit.learning import loop

    os.setsid()
    log = os.open(_log(folder), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(log, stream)
    loop.SECONDS_BETWEEN_CHECKPOINTS = -1
    work.do(folder)


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")


def _times(out: Path) -> dict[str, int]:
    """When each file below a folder was changed, in nanoseconds."""
    found = {}
    for place, _, names in os.walk(out):
        for name in names:
            file = Path(place, name)
            try:
                found[str(file.relative_to(out))] = file.stat().st_mtime_ns
            except FileNotFoundError:
                continue  # it is somebody's work that is looked at
    return found


def _touched(out: Path) -> str:
    times = _times(out)
    return re.sub("[0-9a-f]{16}", "*", max(times, key=times.__getitem__))


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(list(WORKS)))
@click.option("--kills", default=20, help="of each kind of work, at least")
@click.option("--seed", default=0, help="of the moments")
@click.option("--out", default="runs/kill", type=click.Path(path_type=Path))
def main(names: tuple[str, ...], kills: int, seed: int, out: Path) -> None:
    """Kill works of the kinds NAMES (of every kind if none is given)."""
    from tqdm.std import tqdm

    forks.set_forkserver_preload(IMPORTED)
    out = out.absolute()
    for name in names or WORKS:
        rows = measured.of_this_commit(FILE)
        done = sum(row["work"] == name for row in rows)
        if done >= kills:
            continue
        work = WORKS[name]
        first, second = (_anew(out / f"{name}, undisturbed {i}") for i in (1, 2))
        whole, _ = undisturbed(work, first)
        again, seconds = undisturbed(work, second)
        if again != whole:
            unlike = sorted(key for key in whole if again.get(key) != whole[key])
            raise click.ClickException(
                f"two that nobody disturbed differ, in '{first}' and '{second}': "
                f"{', '.join(unlike)}; nothing can be compared with them"
            )
        tries = {row["try"] for row in rows if row["work"] == name}
        with tqdm(total=kills, desc=name, initial=done, unit="kill") as bar:
            for number in count(max(tries, default=0) + 1):
                folder = _anew(out / f"{name}, {number}")
                chance = random.Random(f"{seed} {name} {number}")
                found, same = disturbed(work, folder, whole, seconds, chance)
                about = {"work": name, "try": number, "same": same}
                new = [about | asdict(kill) for kill in found]
                measured.keep(FILE, measured.of_this_commit(FILE), new)
                bar.update(len(found))
                if same:
                    shutil.rmtree(folder)
                else:
                    click.echo(f"differs: '{folder}', '{_log(folder)}'")
                if bar.n >= kills:
                    break


def _anew(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    _log(folder).unlink(missing_ok=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main()
