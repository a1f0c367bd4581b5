"""Loading: an image set from scenes, a folder, or a library's own set."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sslkit.images import shapes, sources
from sslkit.images.decoding import Account
from sslkit.images.imageset import ImageSet, Origin
from sslkit.images.names import nearest
from sslkit.images.parts import check_groups, limited, set_aside
from sslkit.images.sources import Catalogue


def load(
    name: str | Path,
    *,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    groups: str | None = None,
    test: str = "given",
    limit: int | None = None,
    bits: int | None = None,
    on_error: str = "raise",
    seed: int = 0,
    root: str | Path | None = None,
    download: bool = True,
) -> ImageSet:
    """Load an image set.

    A name means, in this order: ``"shapes"``, the embedded scenes; a folder of that
    name under ``root``; one of torchvision's sets (``"cifar10"``, ``"fashionmnist"``,
    ``"stl10"``) or MedMNIST's (``"bloodmnist"``, ``"pathmnist"``; extra ``medical``),
    which is read from ``root`` and downloaded there if need be; a folder by its path.
    So a folder of your own called cifar10 is preferred to a download. What MedMNIST
    sets aside for validation is training images here, for validation is inside the
    label budget; of its sizes the smallest that is at least ``image_size`` is read.

    A folder holds ``train/<class>/...`` and ``test/<class>/...``, or ``<class>/...``
    alone, and ``unlabelled/...`` if there are images without labels; other folders
    beside train/ are not read. One that holds images alone, or ``unlabelled/`` alone,
    has no labels. Images are turned upright by their EXIF tag, turned into RGB
    (transparent pixels on white), cut to the central square and resized.

    Args:
        name: A name or a path; a ``Path``, or a string with a slash, is always a path.
        image_size: Side of the images in pixels; ``None`` is the set's own: of built-in
            sets 32 (shapes, cifar10), 28 (fashionmnist, MedMNIST's) or 96 (stl10); of
            a folder the shorter side of its images, or 96 where they are of several
            sizes.
        classes: Names of the classes to keep, in label order; ``None`` keeps all,
            sorted.
        groups: Of a folder's files: a regular expression with one group, searched for
            in ``"class/name"``, or ``"files.csv:path:group"``: a CSV file in the
            folder, its column of paths below the folder and its column of groups.
        test: Which images are the test part. ``"given"``: test/, or the set's own; of a
            plain class folder a fifth is set aside, by class, by whole groups where
            they are known. ``"image"``: train and test are pooled and a fifth of each
            class is set aside anew; ``"group"``: the same by whole groups, about a
            fifth.
        limit: At most so many images a class in train, and in test; at most as many
            unlabelled images as in all classes together. They are drawn, with ``seed``,
            before any file is read.
        bits: How many bits the values in files of 16 bits use, 8 to 16. If not given,
            the least of 8, 10, 12, 14 and 16 that holds the values of all such files of
            the folder: a camera's 12 bits in files of 16 would be almost black.
        on_error: ``"raise"`` at a file that cannot be read, or ``"skip"`` it, with a
            warning.
        seed: Of the scenes, of the test part set aside and of ``limit``.
        root: Of the libraries' sets and of folder names; ``None`` is the environment
            variable ``SSLKIT_DATA``, or ``~/.cache/sslkit`` if that is unset.
        download: Whether a library may download a set that is not there.

    Raises:
        ValueError: If the name is unknown, an argument is out of range or does not fit
            the set, the folder has another shape than above, a file has no group, a
            group is in train and in test, a file cannot be read, or a built-in set
            cannot be had.
    """
    listed = catalogue(
        name,
        image_size=image_size,
        classes=classes,
        groups=groups,
        test=test,
        limit=limit,
        bits=bits,
        on_error=on_error,
        seed=seed,
        root=root,
        download=download,
    )
    return read(listed)


def catalogue(
    name: str | Path,
    *,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    groups: str | None = None,
    test: str = "given",
    limit: int | None = None,
    bits: int | None = None,
    on_error: str = "raise",
    seed: int = 0,
    root: str | Path | None = None,
    download: bool = True,
) -> Catalogue:
    """List an image set as ``load`` would give it, with no file of a folder read.

    Args and errors are those of ``load``.
    """
    for argument, value, known in (
        ("test", test, ("given", "image", "group")),
        ("on_error", on_error, ("raise", "skip")),
    ):
        if value not in known:
            raise ValueError(
                f"{argument} is {value!r}; it is one of {known}{nearest(value, known)}"
            )
    for argument, count in (("limit", limit), ("image_size", image_size)):
        if count is not None and count < 1:
            raise ValueError(f"{argument} is {count}; it must be at least 1")
    if bits is not None and not 8 <= bits <= 16:
        raise ValueError(f"bits is {bits}; files of 16 bits use 8 to 16 of them")
    if isinstance(classes, str) or (
        classes is not None and len(set(classes)) < max(2, len(classes))
    ):
        raise ValueError(
            f"classes needs two or more different names; it is {classes!r}"
        )
    if test == "group" and groups is None:
        raise ValueError('test="group" needs groups=, a pattern or a CSV column')

    kind, base = sources.resolve(name, root)
    if kind == "folder":
        source = sources.read_folder(
            base, image_size, classes, groups, bits, on_error == "skip"
        )
    elif groups is not None:
        raise ValueError(f"groups are read from a folder; {kind!r} has none")
    elif kind == "shapes":
        settings = shapes.Scenes()
        if limit is not None and test == "given":
            most = limit * len(shapes.CLASSES)
            settings = replace(
                settings,
                n_train=min(most, settings.n_train),
                n_test=min(most, settings.n_test),
                n_unlabelled=min(most, settings.n_unlabelled),
            )
        source = _held(from_shapes(settings, image_size=image_size or 32, seed=seed))
    elif kind in sources.MEDMNIST:
        source = sources.read_medmnist(kind, base, image_size, download)
    else:
        source = sources.read_torchvision(kind, base, image_size, download)
    if classes is not None:
        source = sources.subset(source, tuple(classes))
    table = source.table
    if test == "given" and "test" in set(table["part"]):
        check_groups(source)
    elif test == "given" and "train" in set(table["part"]):
        raise ValueError(
            f"{base} has train/ but no test/; add or rename a folder, or set a test "
            'part aside with test="image" (or test="group", with groups=)'
        )
    elif source.classes:
        by_group = "group" in table and test != "image"
        table = table.assign(part=set_aside(source, by_group=by_group, seed=seed))
    listed = len(table)
    if limit is not None:
        table = limited(table, limit, seed)
    return replace(source, table=table, listed=listed)


def from_shapes(
    settings: shapes.Scenes, *, image_size: int = 32, seed: int = 0
) -> ImageSet:
    """Draw scenes with settings of one's own as an image set."""
    images, labels, factors = shapes.scenes(settings, image_size=image_size, seed=seed)
    counts = [settings.n_train, settings.n_test, settings.n_unlabelled]
    part = np.repeat(["train", "test", "unlabelled"], counts)
    return ImageSet("shapes", images, labels, part, shapes.CLASSES, factors=factors)


def _held(images: ImageSet) -> Catalogue:
    """Images that are there already."""
    table = pd.DataFrame({"label": images.labels.numpy(), "part": images.part})
    return Catalogue(
        name=images.name,
        classes=images.classes,
        table=table,
        pixels=lambda numbers: (images.take(torch.from_numpy(numbers))[0], Account()),
        factors=images.factors,
    )


def read(source: Catalogue) -> ImageSet:
    """Read the pixels of the images of a list, leaving out those that fail."""
    table = source.table
    images, account = source.pixels(table.index.to_numpy(copy=True))
    failed = account.failed
    paged = tuple(table["path"].iloc[account.paged]) if account.paged else ()
    skipped: tuple[str, ...] = ()
    if failed:
        skipped = tuple(table["path"].iloc[list(failed)])
        warnings.warn(
            f"{source.name}: {len(failed)} of {len(table)} files could not be read and "
            f"were left out, the first of them {skipped[0]} "
            f"({next(iter(failed.values()))})",
            stacklevel=3,
        )
        table = table.iloc[np.delete(np.arange(len(table)), list(failed))]
        source = replace(source, table=table)
    for label, name in enumerate(source.classes):
        for part in ("train", "test"):
            if not ((table["label"] == label) & (table["part"] == part)).any():
                raise ValueError(f"{source.name}: no {part} image of {name!r} is left")
    factors = source.factors
    return ImageSet(
        name=source.name,
        images=images,
        labels=source.labels,
        part=source.part,
        classes=source.classes,
        groups=source.groups,
        files=tuple(table["file"]) if "file" in table else None,
        factors=None
        if factors is None
        else factors.loc[table.index].reset_index(drop=True),
        skipped=skipped,
        origin=Origin(
            listed=source.listed,
            smallest=account.smallest,
            largest=account.largest,
            bits=account.bits,
            paged=paged,
            ignored=source.ignored,
        ),
    )
