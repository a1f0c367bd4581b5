"""Where images come from: a folder, or a set of torchvision's or MedMNIST's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslkit.images import folders
from sslkit.images.decoding import Account, native_size, read_images
from sslkit.images.groups import read_groups
from sslkit.images.modes import bits_used
from sslkit.images.names import nearest

TORCHVISION = ("cifar10", "fashionmnist", "stl10")
MEDMNIST = ("bloodmnist", "pathmnist")

UNEQUAL = 96  # side of images that are not all of one size, if none is asked for

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Catalogue:
    """What is known of a set before its pixels are read.

    Attributes:
        name: Of the set.
        classes: Names of the classes.
        table: One row an image: label, part, and group, file and path where known; the
            index is the image's number in the source, and stays so in a selection.
        pixels: Gives those of some images, by ascending numbers, that could be read,
            and an account of the reading.
        factors: Of all images of the source.
        listed: How many images there were before a limit.
        ignored: What is not read, as ``Origin`` says it.
    """

    name: str
    classes: tuple[str, ...]
    table: pd.DataFrame
    pixels: Callable[[Rows], tuple[Tensor, Account]]
    factors: pd.DataFrame | None = None
    listed: int = 0
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def labels(self) -> Tensor:
        """``(N,)`` int64, -1 where there is none."""
        return torch.from_numpy(self.table["label"].to_numpy(np.int64, copy=True))

    @property
    def part(self) -> NDArray[Any]:
        """``(N,)`` of ``"train"``, ``"test"`` and ``"unlabelled"``."""
        return self.table["part"].to_numpy(dtype=np.str_)

    @property
    def groups(self) -> NDArray[Any] | None:
        """``(N,)`` what belongs together, if it is known."""
        if "group" not in self.table:
            return None
        return self.table["group"].to_numpy(dtype=np.str_)

    def __len__(self) -> int:
        return len(self.table)


def resolve(name: str | Path, root: str | Path | None) -> tuple[str, Path]:
    """What a name means: ``"folder"`` or the built-in set's name, and where it is."""
    if not str(name).strip():
        raise ValueError(
            f"the name of the image set is empty, {str(name)!r}; give a set's name or "
            'a folder, as data="shapes"'
        )
    base = Path(root).expanduser() if root else folders.data_root()
    # Listed, not asked for by name: on some systems fashionmnist would also find the
    # folder FashionMNIST, which is torchvision's own.
    below = sorted(path.name for path in base.iterdir()) if base.is_dir() else []
    known = [entry for entry in below if (base / entry).is_dir()]
    path = Path(name).expanduser()
    is_path = isinstance(name, Path) or path.name != name
    if name == "shapes":
        return "shapes", base
    if not is_path and str(name) in known:
        return "folder", base / name
    if not is_path and str(name) in (*TORCHVISION, *MEDMNIST):
        return str(name), base
    if path.is_dir():
        return "folder", path
    if path.is_file():
        raise ValueError(f"{path} is a file; unpack it, and give the folder of images")
    if is_path:
        raise ValueError(f"there is no folder {path.absolute()}")
    built_in = ("shapes", *TORCHVISION, *MEDMNIST)
    raise ValueError(
        f"no image set {name!r}{nearest(name, (*built_in, *known)) or '.'} Built in: "
        f"{', '.join(built_in)}. Folders under {base} (set SSLKIT_DATA for another "
        f"place): {', '.join(known) or 'none'}. Or give the path of a folder of images"
    )


def read_folder(
    folder: Path,
    image_size: int | None,
    classes: Sequence[str] | None,
    groups: str | None,
    bits: int | None,
    skip: bool,
) -> Catalogue:
    """List a folder of images, to be read later; of no size, at their own."""
    listing = folders.list_folder(folder, classes)
    table = listing.table
    if groups is not None:
        table["group"] = read_groups(folder, table, groups)
    paths = [folder / path for path in table["path"]]
    side = image_size or native_size(paths) or UNEQUAL

    def pixels(numbers: Rows) -> tuple[Tensor, Account]:
        used = bits or bits_used(paths)
        return read_images([paths[i] for i in numbers], side, skip=skip, bits=used)

    return Catalogue(
        name=folder.resolve().name,
        classes=listing.classes,
        table=table,
        pixels=pixels,
        ignored=listing.ignored,
    )


def read_torchvision(
    kind: str, root: Path, image_size: int | None, download: bool
) -> Catalogue:
    """Read one of torchvision's sets by its own class; keeps that class's arrays."""
    from torchvision import datasets  # not needed by those who bring a folder

    halves = {"train": True, "test": False}
    thirds = {"train": "train", "test": "test", "unlabelled": "unlabeled"}
    known: dict[str, tuple[Any, dict[str, Any]]] = {
        "cifar10": (datasets.CIFAR10, halves),
        "fashionmnist": (datasets.FashionMNIST, halves),
        "stl10": (datasets.STL10, thirds),
    }
    read, parts = known[kind]
    call = f"torchvision.datasets.{read.__name__}(folder, download=True)"
    with _way_out(kind, root, download, call):
        sets = {part: read(root, own, download=download) for part, own in parts.items()}
    labels = "labels" if kind == "stl10" else "targets"
    arrays = [(part, s.data, getattr(s, labels)) for part, s in sets.items()]
    return _of_arrays(kind, tuple(sets["train"].classes), arrays, image_size)


def read_medmnist(
    kind: str, root: Path, image_size: int | None, download: bool
) -> Catalogue:
    """Read one of MedMNIST's sets by its own class; keeps that class's arrays.

    Each set is there in several sizes, a file a size: the smallest that is at least
    ``image_size`` is read. Its validation images are training images.
    """
    try:
        import medmnist
    except ImportError as error:
        raise ValueError(
            f"{kind} needs the extra 'medical': pip install 'sslkit[medical]'"
        ) from error
    info = medmnist.INFO[kind]
    read = getattr(medmnist, info["python_class"])
    sizes = read.available_sizes
    size = min((s for s in sizes if s >= (image_size or 0)), default=max(sizes))
    file = f"{kind}.npz" if size == 28 else f"{kind}_{size}.npz"
    call = f'medmnist.{read.__name__}("train", root=folder, size={size}, download=True)'
    with _way_out(file, root, download, call):
        if download:
            root.mkdir(parents=True, exist_ok=True)  # medmnist wants it to be there
        train = read("train", root=root, size=size, download=download)
        # In the same file, which is then there, and checked.
        val, test = (read(part, root=root, size=size) for part in ("val", "test"))
    arrays = [
        (part, s.imgs, s.labels[:, 0])
        for part, s in (("train", train), ("train", val), ("test", test))
    ]
    # One name goes on in brackets, with commas, at which --classes is divided.
    classes = tuple(name.split("(")[0].strip() for name in info["label"].values())
    return _of_arrays(kind, classes, arrays, image_size)


@contextmanager
def _way_out(what: str, root: Path, download: bool, call: str) -> Iterator[None]:
    """Say what to do where a library cannot have its set, or not read it."""
    try:
        yield
    except (RuntimeError, OSError, EOFError, ValueError, BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{what} is not in {root}, or damaged, and could not be "
            f"{'downloaded' if download else 'read (download=False)'}: {reason}. On a "
            f"machine with a network, {call} fetches it; copy that folder here and "
            'let SSLKIT_DATA (or root=) name it. data="shapes" needs no download'
        ) from error


def _of_arrays(
    name: str,
    classes: tuple[str, ...],
    read: Sequence[tuple[str, Any, Any]],
    image_size: int | None,
) -> Catalogue:
    """List what a library has read: parts, and the images and labels of each."""
    parts, images, labels = zip(*read, strict=True)
    arrays = [np.asarray(array) for array in images]
    table = pd.DataFrame(
        {
            "label": np.concatenate(labels).astype(np.int64),
            "part": np.repeat(parts, [len(array) for array in arrays]),
        }
    )
    starts = np.cumsum([0, *(len(array) for array in arrays)])
    size = image_size or arrays[0].shape[2]

    def pixels(numbers: Rows) -> tuple[Tensor, Account]:
        images = torch.empty(len(numbers), 3, size, size, dtype=torch.uint8)
        edges = np.searchsorted(numbers, starts)
        for array, start, low, high in zip(
            arrays, starts[:-1], edges[:-1], edges[1:], strict=True
        ):
            for at in range(low, high, 1024):  # bounds the memory of the resizing
                to = min(at + 1024, high)
                images[at:to] = _planes(array[numbers[at:to] - start], size)
        own = arrays[0].shape[2]
        return images, Account(smallest=(own, own), largest=(own, own))

    return Catalogue(name=name, classes=classes, table=table, pixels=pixels)


def _planes(array: NDArray[np.uint8], size: int) -> Tensor:
    """Images as ``(B, 3, size, size)``.

    They come grey ``(B, H, W)``, or as ``(B, H, W, 3)`` or ``(B, 3, H, W)``.
    """
    images = torch.from_numpy(array)
    if images.ndim == 3:
        images = images[:, None].expand(-1, 3, -1, -1)
    elif images.shape[3] == 3:
        images = images.permute(0, 3, 1, 2)
    if images.shape[2] == size:
        return images
    floats = torch.nn.functional.interpolate(
        images.float(), (size, size), mode="bicubic", antialias=True
    )
    return floats.round().clamp(0, 255).to(torch.uint8)


def subset(source: Catalogue, classes: tuple[str, ...]) -> Catalogue:
    """Keep some classes, in the order given, and the unlabelled images."""
    for name in classes:
        if name not in source.classes:
            raise ValueError(
                f"{source.name} has no class {name!r}; it has {source.classes}"
                f"{nearest(name, source.classes)}"
            )
    new = {source.classes.index(name): label for label, name in enumerate(classes)}
    new[-1] = -1
    table = source.table[source.table["label"].isin(list(new))]
    table = table.assign(label=table["label"].map(new))
    return replace(source, classes=classes, table=table)
