"""Reading image files: what a folder holds, the groups of its files, their pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.std import tqdm

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
PARTS = ("train", "test")
UNLABELLED = ("unlabelled", "unlabeled")
_BATCH = 32  # files read by one task of a thread: a task a file would cost more


def list_folder(
    folder: Path, classes: Sequence[str] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """List the images of `train/<class>` and `test/<class>`, or of `<class>` alone.

    Other folders beside train/ and hidden files are left out, as are files whose name
    does not end as an image's does.

    Args:
        folder: an existing folder.
        classes: names of the classes to read, in label order; None reads all, sorted.

    Returns:
        A table, one row a file, sorted: path (below the folder, with forward slashes),
        file ("class/name"), label (-1 for files of unlabelled/) and part ("train",
        "test", "unlabelled"; "" for the labelled files of a folder without train/).
        And the names of the classes, in label order.

    Raises:
        ValueError: if the folder holds no images or fewer than two classes, a class is
            empty, or train/ and test/ hold different classes.
    """
    found = _folders(folder)
    if "test" in found and "train" not in found:
        raise ValueError(
            f"{folder} has test/ but no train/; expected train/<class>/... and "
            "test/<class>/..., or <class>/... alone"
        )
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
    rows: list[tuple[str, str, int, str]] = []
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
    return pd.DataFrame(rows, columns=["path", "file", "label", "part"]), wanted


def read_groups(folder: Path, table: pd.DataFrame, groups: str) -> list[str]:
    """Give the group of each file, "" for unlabelled files that have none.

    Args:
        folder: the folder.
        table: its files, from `list_folder`.
        groups: either a regular expression with one group, searched for in
            "class/name"; or "files.csv:path:group": a CSV file in the folder, its
            column of paths below the folder and its column of groups.

    Raises:
        ValueError: if the expression or the CSV file does not fit, or a labelled file
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


def read_images(
    paths: Sequence[Path], image_size: int, *, skip: bool = False
) -> tuple[Tensor, dict[int, str]]:
    """Read files side by side into images of one size.

    Args:
        paths: the files.
        image_size: side S of the images in pixels.
        skip: go on when a file cannot be read.

    Returns:
        The images (N, 3, S, S) uint8, and the reason for each position whose file
        could not be read; its image is black.

    Raises:
        ValueError: at the first file that cannot be read, unless `skip`.
    """
    images = np.zeros((len(paths), 3, image_size, image_size), dtype=np.uint8)

    def read(start: int) -> dict[int, str]:
        failed = {}
        for i in range(start, min(start + _BATCH, len(paths))):
            try:
                images[i] = read_image(paths[i], image_size).transpose(2, 0, 1)
            # A damaged file makes Pillow's decoders raise almost anything; nothing is
            # lost, for every reason is reported with its file.
            except Exception as error:  # noqa: BLE001
                failed[i] = f"{type(error).__name__}: {error}"
                if not skip:
                    break
        return failed

    failed: dict[int, str] = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    bar = tqdm(
        total=len(paths),
        desc="reading images",
        unit=" images",
        delay=1.0,
        leave=False,
        disable=None,  # in a file or a page
    )
    try:
        for some in pool.map(read, range(0, len(paths), _BATCH)):
            bar.update(min(_BATCH, len(paths) - bar.n))
            failed.update(some)
            if failed and not skip:
                i, reason = next(iter(failed.items()))
                raise ValueError(
                    f"{paths[i]} cannot be read ({reason}); repair or remove it, or "
                    'leave such files out with on_error="skip"'
                )
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()
    return torch.from_numpy(images), failed


def read_image(path: Path, image_size: int) -> NDArray[np.uint8]:
    """Read one file: upright, RGB, cut to the central square and resized.

    Args:
        path: of the file.
        image_size: side S in pixels.

    Returns:
        (S, S, 3) uint8.
    """
    with Image.open(path, formats=FORMATS) as image:
        # JPEG files are decoded at a fraction of their size when that is still at
        # least twice the size asked for: faster, and the cut is a quarter of a
        # resulting pixel off the centre at most.
        image.draft(None, (2 * image_size, 2 * image_size))
        upright = to_rgb(ImageOps.exif_transpose(image))
    width, height = upright.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    # Cut first: resize(box=...) would blend in pixels from outside the square.
    square = upright.crop((left, top, left + side, top + side)).resize(
        (image_size, image_size), Image.Resampling.BICUBIC, reducing_gap=3.0
    )
    return np.asarray(square)


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn an image of any mode into RGB.

    Transparent pixels are laid on white. 16-bit values are divided by 257, so that
    white stays white; float values must lie in [0, 1].

    Raises:
        ValueError: if the values are no brightness of a known range, or Pillow cannot
            convert the mode.
    """
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion would clip these to 255 instead of scaling them.
        values: NDArray[Any] = np.asarray(image)
        top = 1.0 if image.mode == "F" else 65535.0
        if not (values.min() >= 0 and values.max() <= top):  # not-a-number fails, too
            raise ValueError(
                f"values from {values.min()} to {values.max()} in mode {image.mode}; "
                "only 16-bit integers and floats in [0, 1] are understood"
            )
        grey = np.round(values.astype(np.float64) * (255.0 / top)).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")


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
