"""What a folder of images holds: its files, classes and parts, the groups of files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
PARTS = ("train", "test")
UNLABELLED = ("unlabelled", "unlabeled")
_COLUMNS = ["path", "file", "label", "part"]


def data_root() -> Path:
    """Where data is looked for by name: ``SSLKIT_DATA``, or ``~/.cache/sslkit``."""
    return Path(os.environ.get("SSLKIT_DATA") or "~/.cache/sslkit").expanduser()


def list_folder(
    folder: Path, classes: Sequence[str] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The images of ``train/<class>`` and ``test/<class>``, or of ``<class>`` alone.

    A folder without class folders, of images or with unlabelled/ alone, has images
    without labels and no class.

    Other folders beside train/ and hidden files are left out, as are files whose name
    does not end as an image's does.

    Args:
        folder: An existing folder.
        classes: Names of the classes to read, in label order; ``None`` reads all,
            sorted.

    Returns:
        A table, one row a file, sorted: path (below the folder, with forward slashes),
        file (``"class/name"``), label (-1 for files of unlabelled/) and part
        (``"train"``, ``"test"``, ``"unlabelled"``; ``""`` for the labelled files of a
        folder without train/). And the names of the classes, in label order.

    Raises:
        ValueError: If the folder holds no images or fewer than two classes, a class is
            empty, or train/ and test/ hold different classes.
    """
    found = _folders(folder)
    if "test" in found and "train" not in found:
        raise ValueError(
            f"{folder} has test/ but no train/; expected train/<class>/... and "
            "test/<class>/..., or <class>/... alone"
        )
    if not set(found) - {*UNLABELLED}:  # no class at all: images, or unlabelled/
        rows = [(i, f"unlabelled/{i}", -1, "unlabelled") for i in _images(folder)]
        if rows and not classes:
            return pd.DataFrame(rows, columns=_COLUMNS), ()
    parts = {part: _folders(folder / part) for part in PARTS if part in found}
    if not parts:
        parts = {"": [name for name in found if name not in UNLABELLED]}
    if classes is None and len({tuple(names) for names in parts.values()}) > 1:
        odd = sorted(set(parts["train"]) ^ set(parts["test"]))
        raise ValueError(
            f"{folder}: train/ and test/ hold different classes, only one of them has "
            f"{_quoted(odd)}; add or rename folders, or name the classes to read with "
            "classes=(...)"
        )
    wanted = tuple(next(iter(parts.values())) if classes is None else classes)
    if len(wanted) < 2:
        raise ValueError(
            f"{folder} has {len(wanted)} class folder(s), {_quoted(wanted)}; at least "
            "two are needed: <class>/..., or train/<class>/... and test/<class>/..."
        )
    rows = []
    for part, known in parts.items():
        for label, name in enumerate(wanted):
            here = folder / part / name
            if name not in known:
                raise ValueError(
                    f"there is no class folder {here}; {here.parent} has "
                    f"{_quoted(known)}"
                )
            images = _images(here)
            if not images:
                raise ValueError(
                    f"class folder {here} holds no images (names ending in "
                    f"{', '.join(SUFFIXES)}); fill it, remove it, or name the classes "
                    "to read with classes=(...)"
                )
            rows += [
                ((Path(part) / name / i).as_posix(), f"{name}/{i}", label, part)
                for i in images
            ]
    for name in (name for name in UNLABELLED if name in found):
        rows += [
            (f"{name}/{i}", f"unlabelled/{i}", -1, "unlabelled")
            for i in _images(folder / name)
        ]
    return pd.DataFrame(rows, columns=_COLUMNS), wanted


def read_groups(folder: Path, table: pd.DataFrame, groups: str) -> list[str]:
    """The group of each file, ``""`` for unlabelled files that have none.

    Args:
        folder: The folder.
        table: Its files, from ``list_folder``.
        groups: Either a regular expression with one group, searched for in
            ``"class/name"``; or ``"files.csv:path:group"``: a CSV file in the folder,
            its column of paths below the folder and its column of groups.

    Raises:
        ValueError: If the expression or the CSV file does not fit, or a labelled file
            has no group; it is named.
    """
    csv = re.fullmatch(r"([^:]+\.csv):([^:]+):([^:]+)", groups, re.IGNORECASE)
    if csv:
        known = _group_column(folder / csv[1], csv[2], csv[3])
        found = [known.get(path, "") for path in table["path"]]
    else:
        try:
            pattern = re.compile(groups)
        except re.error as error:
            raise ValueError(f"groups={groups!r} is no pattern: {error}") from error
        if pattern.groups != 1:
            raise ValueError(
                f"groups={groups!r} has {pattern.groups} groups in brackets; it needs "
                "one, e.g. r'(\\w+/g\\d+)_', or 'files.csv:path:group' for a CSV file"
            )
        matches = [pattern.search(file) for file in table["file"]]
        found = [(match[1] or "") if match else "" for match in matches]
    missing = table["path"][(np.array(found) == "") & (table["label"] >= 0)]
    if len(missing):
        raise ValueError(
            f"{folder / missing.iloc[0]} has no group by groups={groups!r}, nor have "
            f"{len(missing) - 1} other labelled files"
        )
    return found


def _group_column(path: Path, file_column: str, group_column: str) -> dict[str, str]:
    """Read the groups of a CSV file by file."""
    if not path.is_file():
        raise ValueError(f"groups: there is no file {path}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in (file_column, group_column):
        if column not in table:
            raise ValueError(
                f"groups: {path} has no column {column!r}; it has "
                f"{_quoted(list(table.columns))}"
            )
    found: dict[str, str] = {}
    for file, group in zip(table[file_column], table[group_column], strict=True):
        file = file.replace("\\", "/").removeprefix("./")
        if found.setdefault(file, group) != group:
            raise ValueError(
                f"groups: {path} gives {file} two groups, {found[file]!r} and {group!r}"
            )
    return found


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def _images(folder: Path) -> list[str]:
    """Paths of the image files below a folder, sorted, with forward slashes."""
    found = []
    for here, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        below = Path(here).relative_to(folder)
        found += [
            (below / name).as_posix()
            for name in names
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return sorted(found)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
