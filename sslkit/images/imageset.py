"""Image sets: labelled images by part (train, test, unlabelled)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslkit.images.devices import to_device

Strings = NDArray[Any]  # of str; Sphinx takes "str_" for a link


@dataclass(frozen=True)
class Origin:
    """What images were before they were read, and what was not read.

    Attributes:
        listed: How many images the source has; more than the set where a limit was set,
            or files could not be read.
        smallest: Least width and least height of the files in pixels, if known.
        largest: Greatest width and greatest height.
        bits: How many bits the values in files of 16 bits were taken for; ``None`` if
            there were no such files.
        paged: Files of several pages or frames, of which the first was read.
        ignored: Files of a folder that are not read, by their kind: an end of names, as
            ``".gif"``, ``"hidden"``, ``"links"`` that would bring images twice,
            ``"folders"`` beside the parts, ``"images"`` beside the class folders.
    """

    listed: int
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    bits: int | None = None
    paged: tuple[str, ...] = ()
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Square images of one size, with what is known of each.

    Attributes:
        name: Of the source.
        images: ``(N, 3, S, S)`` uint8, on the device if they fit.
        labels: ``(N,)`` int64, an index into ``classes``, -1 for unlabelled images.
        part: ``(N,)`` of ``"train"``, ``"test"``, ``"unlabelled"``, or ``"extra"``:
            unlabelled ones of another source.
        classes: Names of the classes.
        groups: ``(N,)`` the group (patient, slide, photographer) of each image, ``""``
            for unlabelled images without one; ``None`` if no groups are known.
        files: ``"class/name"`` of each image, for people; ``None`` if there are no
            files.
        factors: What a scene was drawn from, one row an image; ``shapes`` only.
        skipped: Files that could not be read and were left out.
        origin: What the files were; ``None`` for tensors.
    """

    name: str
    images: Tensor
    labels: Tensor
    part: Strings
    classes: tuple[str, ...]
    groups: Strings | None = None
    files: tuple[str, ...] | None = None
    factors: pd.DataFrame | None = None
    skipped: tuple[str, ...] = ()
    origin: Origin | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def device(self) -> torch.device:
        """Where ``take`` gives images and labels."""
        return self.labels.device

    @property
    def resident(self) -> bool:
        """Whether the images are on the device; otherwise they come batch by batch."""
        return self.images.device == self.device

    @property
    def size(self) -> int:
        """Side of an image in pixels."""
        return self.images.shape[-1]

    @classmethod
    def of(
        cls,
        pixels: Tensor,
        labels: Tensor | None = None,
        *,
        classes: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        test: Tensor | None = None,
    ) -> ImageSet:
        """An image set of tensors.

        Args:
            pixels: ``(N, 3, S, S)`` uint8, square images.
            labels: ``(N,)`` integers from 0, -1 where there is none; without them all
                images are unlabelled.
            classes: Names of the labels, in their order; ``"0"``, ``"1"``, … if not
                given.
            groups: ``(N,)`` what each image belongs to (a patient, a slide), or none.
            test: Rows of the test part, none of which training ever sees.

        Raises:
            ValueError: If shapes, types or lengths do not fit, a label has no class, a
                test image has no label, or a group is in the test part and outside it.
        """
        if pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.dtype != torch.uint8:
            raise ValueError(
                f"pixels are (N, 3, S, S) uint8, not {(*pixels.shape,)} {pixels.dtype}"
            )
        count, _, height, width = pixels.shape
        if height != width:
            raise ValueError(f"images are square, not {height} x {width}")
        known = torch.full((count,), -1) if labels is None else labels.cpu()
        if known.is_floating_point() or known.dtype == torch.bool:
            raise ValueError(f"labels are integers, not {known.dtype}")
        if known.shape != (count,) or (groups is not None and len(groups) != count):
            raise ValueError(f"{count} images need as many labels and groups")
        known = known.long()
        top = int(known.max()) + 1 if count else 0
        names = tuple(map(str, range(top))) if classes is None else tuple(classes)
        if count and (top > len(names) or int(known.min()) < -1):
            raise ValueError(
                f"labels from {int(known.min())} to {top - 1}; there are {len(names)} "
                "classes, counted from 0, and -1 for unlabelled images"
            )
        part = np.where(known.numpy() < 0, "unlabelled", "train").astype("<U10")
        if test is not None:
            tested = test.cpu()
            if not len(tested):
                tested = tested.long()  # torch.tensor([]) has floats
            plain = not (tested.is_floating_point() or tested.dtype == torch.bool)
            if not plain or not torch.isin(tested, torch.arange(count)).all():
                raise ValueError(
                    f"test rows are counted from 0 to {count - 1}, in integers"
                )
            if (known[tested] < 0).any():
                raise ValueError("a test image has no label")
            part[tested.numpy()] = "test"
        whose = None
        if groups is not None:
            whose = np.asarray(groups, dtype=np.str_)
            asked = part == "test"
            both = set(whose[asked]) & set(whose[~asked])
            if leaks := sorted(both - {""}):
                raise ValueError(
                    f"group '{leaks[0]}' is in the test part and outside it: the test "
                    "would leak"
                )
        return cls(
            name="tensors",
            images=pixels,
            labels=known.to(pixels.device),
            part=part,
            classes=names,
            groups=whose,
        )

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Some images ``(B, 3, S, S)`` uint8 and labels ``(B,)``, on the device.

        Args:
            rows: ``(B,)`` int64, on the CPU or the device.
        """
        there = to_device(rows, self.device)
        images = self.images.index_select(0, there if self.resident else rows.cpu())
        return to_device(images, self.device), self.labels.index_select(0, there)

    def rows(self, part: str) -> Tensor:
        """The rows (int64, ascending) of a part."""
        if part not in ("train", "test", "unlabelled", "extra"):
            raise ValueError(f"part {part!r} is not train, test, unlabelled or extra")
        return torch.from_numpy(np.flatnonzero(self.part == part))

    def seen(self) -> Tensor:
        """The rows that training may see, those with a label first."""
        parts = "train", "unlabelled", "extra"
        return torch.cat([self.rows(part) for part in parts])

    def examples(self, each: int = 2) -> Tensor:
        """The first training rows of every class, class by class: to look at."""
        train = self.rows("train")
        labels = self.labels.cpu()[train]
        firsts = [train[labels == label][:each] for label in range(len(self.classes))]
        return torch.cat(firsts)

    def to(self, device: torch.device | str) -> ImageSet:
        """The same set for another device.

        Images that would fill more than half of a GPU's free memory stay where they
        are, and ``take`` copies those that it gives.
        """
        device = torch.device(device)
        if device == self.device:
            return self
        images = self.images
        if (
            device.type != "cuda"
            or images.nbytes < torch.cuda.mem_get_info(device)[0] / 2
        ):
            images = images.to(device)
        return replace(self, images=images, labels=self.labels.to(device))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that a result can depend on.

        These are pixels, labels, part, classes and groups, in their order. The name
        and the folder are not: the same images elsewhere are the same set.
        """
        groups = None if self.groups is None else self.groups.tolist()
        header = [list(self.images.shape), self.classes, self.part.tolist(), groups]
        digest = hashlib.sha256(json.dumps(header).encode() + b"\0")
        digest.update(self.labels.cpu().numpy().astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(self.images.cpu().numpy()).data)
        return digest.hexdigest()


def add(images: ImageSet, extra: ImageSet) -> ImageSet:
    """A set with the images of another, less its test part, as part ``"extra"``.

    Their labels are not kept. All are held in memory.

    Raises:
        ValueError: If the images of the two are not of one size.
    """
    if images.images.shape[1:] != extra.images.shape[1:]:
        raise ValueError(
            f"images of '{images.name}' and '{extra.name}' differ in size: "
            f"{(*images.images.shape[2:],)} and {(*extra.images.shape[2:],)}"
        )
    rows = torch.from_numpy(np.flatnonzero(extra.part != "test"))
    count = len(rows)
    unknown = torch.full((count,), -1)
    groups, files = images.groups, None
    if groups is not None:
        groups = np.append(groups, [""] * count)
    if images.files is not None and extra.files is not None:
        files = (*images.files, *(extra.files[row] for row in rows))
    return replace(
        images,
        images=torch.cat([images.images, extra.take(rows)[0]]),
        labels=torch.cat([images.labels, unknown]),
        part=np.append(images.part, ["extra"] * count),
        groups=groups,
        files=files,
        factors=None,
    )
