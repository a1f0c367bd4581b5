"""What ``tools.kill`` kills: small works of every kind, and what each leaves."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = "study-again"  # draws from records alone, and not from those of the kills
UNFINISHED = {"checkpoints", "failed"}  # folders of what nobody takes for an end
EVERY = "every.jsonl"  # the records of a sweep
PHOTOS = 8  # a class and part, of the folder that is studied


@dataclass(frozen=True)
class Work:
    """Something to be killed.

    Attributes:
        output: The folder of what it leaves, below the one that it is given.
        begin: Makes what it starts from, in an empty folder.
        do: Does it there: the command.
    """

    output: str
    begin: Callable[[Path], None]
    do: Callable[[Path], None]


def left(out: Path, *, ended: bool) -> dict[str, str]:
    """What lies below a folder, by name: digests, without seconds, date and commit.

    Args:
        out: Where a work has written.
        ended: Whether it came to its end; then every file counts. Else only those that
            a reader would take for whole.
    """
    found: dict[str, str] = {}
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        hidden = file.name.startswith(".") or file.parent.name in UNFINISHED
        if file.suffix in (".lock", ".key") or (hidden and not ended):
            continue
        name = str(file.relative_to(out))
        try:
            parts = dict(_parts(file))
        except ValueError:  # it is torn, and so nothing that anything else equals
            parts = {"": file.read_bytes()}
        for part, content in parts.items():
            found[f"{name}{part}"] = hashlib.sha256(content).hexdigest()
    return found


def _parts(file: Path) -> Iterator[tuple[str, bytes]]:
    """What counts of a file: of a sweep's records each, in whatever order they came."""
    from sslkit.learning import weights
    from sslkit.runs import records

    if file.name == EVERY:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of half a line, which no reader takes
            kept = records.read_file(file)
        for one in kept:
            yield f" {one.key}", _timeless(records.to_record(one))
    elif file.suffix == ".safetensors":  # notes in it stand in any order
        yield "", weights.digest(file).encode()
    elif file.suffix == ".json":
        yield "", _timeless(json.loads(file.read_text()))
    elif file.suffix == ".html":  # of a study: what was advised rests on seconds
        text = re.sub(r"(?s)<h2>What was advised.*?</pre>", "", file.read_text())
        yield "", re.sub(r"<tr><th>(hours|date|commit)<.*", "", text).encode()
    else:
        yield "", file.read_bytes()


def _timeless(value: Any) -> bytes:
    def without(inner: Any) -> Any:
        if isinstance(inner, dict):
            kept = inner.keys() - {"seconds", "date", "commit"}
            return {name: without(inner[name]) for name in kept}
        return [without(one) for one in inner] if isinstance(inner, list) else inner

    return json.dumps(without(value), sort_keys=True).encode()


def _nothing(folder: Path) -> None:
    """Begin in an empty folder."""


def _command(*words: str) -> None:
    from sslkit.__main__ import main

    main(list(words), standalone_mode=False)


def _run(folder: Path) -> None:
    """Pretrain and judge: sixty images, some epochs of a few steps."""
    small = "--profile smoke --limit 20 --fraction 0.5 --epochs 5".split()
    _command("run", "--method", "simclr", *small, "--out", str(folder / "runs"))


def _sweep(folder: Path) -> None:
    """Every arm of the study once, in two processes, into one file of records."""
    small = "--profile smoke --limit 20 --fractions 0.5 --draws 1 --jobs 2".split()
    out = folder / "runs"
    _command(
        *("sweep", "--curve", "", *small, "--out", str(out)),
        *("--file", str(out / EVERY)),
    )


def _first_half(folder: Path) -> None:
    """A published folder that the other half of the records is still to come into."""
    from sslkit.study import published

    runs = published.runs("shapes", "quick")
    published.write(folder / "published", runs[: len(runs) // 2])


def _publish(folder: Path) -> None:
    from sslkit.study import published

    published.write(folder / "published", published.runs("shapes", "quick"))


def _photos(folder: Path) -> None:
    """A few images as a reader may have them, and a plan that no seconds decide."""
    from PIL import Image

    from sslkit.folder import trials
    from sslkit.images.loading import load
    from sslkit.runs.recipes import Data
    from sslkit.runs.store import write

    images = load("shapes", limit=PHOTOS)
    for row, (label, part) in enumerate(zip(images.labels, images.part, strict=True)):
        below = Path(part) if label < 0 else Path(part, images.classes[label])
        place = folder / "photos" / below
        if len(list(place.glob("*"))) == PHOTOS:
            continue
        place.mkdir(parents=True, exist_ok=True)
        pixels = images.images[row].permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(place / f"{row:04d}.png")
    plan = trials.Plan(
        data=Data(name="photos", image_size=16, balance=False),
        backbone="tiny",
        methods=("simclr",),
        steps=6,
        labelled_steps=6,
    )
    write(folder / "study" / trials.PLAN, asdict(plan))


def _study(folder: Path) -> None:
    """A study with two draws of a few steps; its figures do not say when."""
    import matplotlib as mpl

    from sslkit.folder import trials

    trials.PROFILE, trials.FIRST, trials.DRAWS = "smoke", 2, 2
    trials.CURVE = ()  # type: ignore[assignment]
    os.environ["SOURCE_DATE_EPOCH"], mpl.rcParams["svg.hashsalt"] = "0", "kill"
    os.chdir(folder)  # the report names folders as they were typed
    small = "--image-size 16 --backbone tiny --minutes 600".split()
    _command("study-folder", "photos", "--out", "study", *small)


def _book(folder: Path) -> None:
    """A book of this project's chapters, packages and records, to build in."""
    shutil.copytree(ROOT / "book", folder / "book")
    for name in ("sslkit", "_toc.yml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)


def _chapter(folder: Path) -> None:
    """A new Python: pools of processes that nobody waits for can hang in a fork."""
    command = [sys.executable, "-m", "tools.book", "--profile", "smoke"]
    os.execv(command[0], [*command, "--only", CHAPTER, "--root", str(folder)])


WORKS = {
    "pretrain and judge": Work("runs", _nothing, _run),
    "sweep": Work("runs", _nothing, _sweep),
    "publish": Work("published", _first_half, _publish),
    "study a folder": Work("study", _photos, _study),
    "build a chapter": Work("_build", _book, _chapter),
}
"""By name."""
