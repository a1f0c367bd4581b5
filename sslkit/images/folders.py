"""What a folder of images holds: its files, classes and parts, and what is ignored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sslkit.images.names import nearest

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
UNREAD = """
    .gif .heic .heif .avif .jp2 .jfif .dcm .dicom .nii .svs .ndpi .mrxs .scn .czi .npy
""".split()
"""Ends of names of images that are not read."""
PARTS = ("train", "test")
UNLABELLED = ("unlabelled", "unlabeled")
_COLUMNS = ["path", "file", "label", "part"]


def data_root() -> Path:
    """Where data is looked for by name: ``SSLKIT_DATA``, or ``~/.cache/sslkit``."""
    return Path(os.environ.get("SSLKIT_DATA") or "~/.cache/sslkit").expanduser()


@dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        table: One row a file, sorted: path (below the folder, with forward slashes),
            file (``"class/name"``), label (-1 for files of unlabelled/) and part
            (``"train"``, ``"test"``, ``"unlabelled"``; ``""`` for the labelled files of
            a folder without train/).
        classes: Their names, in label order.
        ignored: What is not read, by its kind: an end of names, as ``".gif"``,
            ``"hidden"``, ``"links"``, ``"folders"`` beside the parts, ``"images"``
            beside the class folders; sorted paths below the folder.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    ignored: dict[str, tuple[str, ...]]


def list_folder(folder: Path, classes: Sequence[str] | None = None) -> Listing:
    """The images of ``train/<class>`` and ``test/<class>``, or of ``<class>`` alone.

    A folder without class folders, of images or with unlabelled/ alone, has images
    without labels and no class.

    Other folders beside train/ and hidden files are left out, as are files whose name
    does not end as an image's does. Links are followed, but not inside a class folder
    into the folder itself: its images would come twice, or as another class.

    Args:
        folder: An existing folder.
        classes: Names of the classes to read, in label order; ``None`` reads all,
            sorted.

    Raises:
        ValueError: If the folder holds no images or fewer than two classes, a class is
            empty, classes differ by case alone and are not named, or train/ and test/
            hold different classes.
        OSError: If a folder in it cannot be read; names it.
    """
    ignored: dict[str, list[str]] = {}

    def images(below: str) -> list[str]:
        """Paths of the images below a folder; what else is there is ignored."""
        kinds = _files(folder, below, own)
        for kind, paths in kinds.items():
            if kind:
                ignored.setdefault(kind, []).extend(paths)
        return sorted(kinds.get("", []))

    found, own = _folders(folder), [folder.resolve()]
    if "test" in found and "train" not in found:
        raise ValueError(
            f"{folder} has test/ but no train/; expected train/<class>/... and "
            "test/<class>/..., or <class>/... alone"
        )
    if not classes and not set(found) - {*UNLABELLED}:  # images, or unlabelled/, alone
        rows = [(i, f"unlabelled/{i}", -1, "unlabelled") for i in images("")]
        if rows:
            return _listing(rows, (), ignored)
    parts = {part: _folders(folder / part) for part in PARTS if part in found}
    beside = _beside(folder, "", {*PARTS, *UNLABELLED} if parts else {*found})
    for part in parts:
        beside += _beside(folder, part, {*parts[part]})
    for kind, path in beside:
        ignored.setdefault(kind, []).append(path)
    if not parts:
        parts = {"": [name for name in found if name not in UNLABELLED]}
    wanted = _wanted(folder, parts, classes)
    homes = [f"{part}/{name}".lstrip("/") for part in parts for name in wanted]
    unlabelled = [name for name in UNLABELLED if name in found]
    own += _apart(folder, [*homes, *unlabelled])
    rows = []
    for home in homes:
        part, _, name = home.rpartition("/")
        label, paths = wanted.index(name), images(home)
        if not paths:
            raise ValueError(
                f"class folder {folder / home} holds no images (names ending in "
                f"{', '.join(SUFFIXES)}){_instead(folder, home, own)}; fill it, remove "
                "it, or name the classes to read with classes=(...)"
            )
        start = len(part) + 1 if part else 0
        rows += [(path, path[start:], label, part) for path in paths]
    for name in unlabelled:
        rows += [
            (path, f"unlabelled/{path[len(name) + 1 :]}", -1, "unlabelled")
            for path in images(name)
        ]
    return _listing(rows, wanted, ignored)


def image_files(folder: Path) -> list[str]:
    """Paths below a folder of all its images, whatever its folders mean, sorted.

    Raises:
        OSError: If a folder in it cannot be read; names it.
    """
    return sorted(_files(folder, "", [folder.resolve()]).get("", []))


def _instead(folder: Path, home: str, own: Sequence[Path]) -> str:
    """What a folder without images holds, as ``", but 12 .heic"``."""
    kinds = _files(folder, home, own).items()
    held = ", ".join(f"{len(paths)} {kind}" for kind, paths in sorted(kinds))
    return f", but {held}" if held else ""


def _listing(
    rows: list[tuple[str, str, int, str]],
    classes: tuple[str, ...],
    ignored: dict[str, list[str]],
) -> Listing:
    return Listing(
        pd.DataFrame(rows, columns=_COLUMNS),
        classes,
        {kind: tuple(sorted(paths)) for kind, paths in sorted(ignored.items())},
    )


def _wanted(
    folder: Path, parts: dict[str, list[str]], classes: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes to read: those asked for, or else all, if they leave no doubt."""
    if classes is None and len({tuple(names) for names in parts.values()}) > 1:
        odd = sorted(set(parts["train"]) ^ set(parts["test"]))
        raise ValueError(
            f"{folder}: train/ and test/ hold different classes, only one of them has "
            f"{quoted(odd)}; add or rename folders, or name the classes to read with "
            "classes=(...)"
        )
    wanted = tuple(next(iter(parts.values())) if classes is None else classes)
    if len(wanted) < 2:
        raise ValueError(
            f"{folder} has {len(wanted)} class folder(s), {quoted(wanted)}; at least "
            "two are needed: <class>/..., or train/<class>/... and test/<class>/..."
        )
    if classes is None:
        last = {name.casefold(): name for name in wanted}
        for name in wanted:
            if (other := last[name.casefold()]) != name:
                raise ValueError(
                    f"{folder}: classes {name!r} and {other!r} differ by case alone; "
                    "put them together, or name the classes to read with classes=(...)"
                )
    for part, there in parts.items():
        for name in wanted:
            if name not in there:
                raise ValueError(
                    f"there is no class folder {folder / part / name}; {folder / part} "
                    f"has {quoted(there)}{nearest(name, there)}"
                )
    return wanted


def _apart(folder: Path, homes: Sequence[str]) -> list[Path]:
    """Where the folders of images really are; refuses one in another, by a link."""
    real = {(folder / home).resolve(): home for home in homes}
    for home in homes:
        path = (folder / home).resolve()
        for inside in (path, *path.parents):
            if real.get(inside, home) != home:
                raise ValueError(
                    f"{folder / home} and {folder / real[inside]} are one folder, by a "
                    "link: an image has one class, and is in one part"
                )
    return list(real)


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    return sorted(
        entry.name
        for entry in _entries(folder)
        if _is_folder(entry) and not _is_hidden(entry)
    )


def _beside(folder: Path, below: str, taken: set[str]) -> list[tuple[str, str]]:
    """What stands beside parts or class folders and may be meant as images."""
    found = []
    for entry in _entries(folder / below):
        path = f"{below}/{entry.name}".lstrip("/")
        if _is_folder(entry):
            if entry.name not in taken:
                found.append(("hidden" if _is_hidden(entry) else "folders", path))
        elif entry.name.lower().endswith((*SUFFIXES, *UNREAD)):
            found.append(("hidden" if _is_hidden(entry) else "images", path))
    return found


def _files(folder: Path, start: str, own: Sequence[Path]) -> dict[str, list[str]]:
    """Paths below a folder of all files below one in it; images are of the kind ``""``.

    Links are followed, but not to where one was already, nor into ``own`` folders or
    to what holds them.
    """
    kinds: dict[str, list[str]] = {}
    waiting, walked = [start], {(folder / start).resolve()}
    while waiting:
        below = waiting.pop()
        for entry in _entries(folder / below):
            path = f"{below}/{entry.name}".lstrip("/")
            kind = "" if entry.name.lower().endswith(SUFFIXES) else _suffix(entry.name)
            if _is_hidden(entry):
                kind = "hidden"
            elif _is_folder(entry):
                real = (folder / path).resolve()
                if real not in walked and not (
                    entry.is_symlink() and _meets(real, own)
                ):
                    walked.add(real)
                    waiting.append(path)
                    continue
                kind = "links"
            kinds.setdefault(kind, []).append(path)
    return kinds


def _meets(path: Path, own: Sequence[Path]) -> bool:
    """Whether a folder is one of others, in one of them, or around one."""
    return any(path.is_relative_to(x) or x.is_relative_to(path) for x in own)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError as error:
        raise OSError(
            f"folder {folder} cannot be read ({error.strerror}); change that, or move "
            "it away"
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: a file that cannot be read, if anything
        return False


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith((".", "__") if _is_folder(entry) else ".")


def _suffix(name: str) -> str:
    return Path(name).suffix.lower() or "no suffix"


def quoted(names: Sequence[str]) -> str:
    """Names as Python writes them, for messages."""
    return ", ".join(repr(name) for name in names) or "none"
