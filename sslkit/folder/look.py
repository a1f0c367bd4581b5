"""What a reader's images are: counts, files, doubles, groups, and what tells them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sslkit.folder import cues, names
from sslkit.folder.cues import Told
from sslkit.folder.doubles import Doubles, doubles
from sslkit.folder.files import Files
from sslkit.folder.names import Grouping
from sslkit.images.imageset import ImageSet

SHOWN = 8  # images of each class
UP = 0.4
"""Share of turns told, of which guessing gets a quarter, that takes an up.

Tissue, which has none, was told in 0.23 to 0.35 of all cases; photographs of animals
and of clothes in 0.51 to 0.87. But so were blood cells in 0.53, which have no up and
were lit from one side.
"""
A_POINT = 0.01  # of the test images: fewer cannot move an accuracy by more


@dataclass(frozen=True)
class Look:
    """What is known of an image set before anything learns.

    Only ``counts`` and ``groups`` read every label. All else reads those of the budget,
    or none; which images share a folder is read of file names, to suggest groups.
    ``dataclasses.asdict`` makes plain values of it, for JSON.

    Attributes:
        name: Of the set.
        size: Side of an image in pixels, as loaded.
        counts: Images by class, then by part (``"train"``, ``"test"``).
        unlabelled: Images without a label, which training may see.
        budget: How many labels were read, beside the counts.
        groups: Groups of the training images by class (of ``"all images"``, without
            classes), where groups are known.
        suggested: Groups that file names suggest, the coarsest first, where none are
            known.
        files: Of the folder; ``None`` if there is none.
        doubles: Images that are there more than once.
        own_group: How often an image's nearest is of its own group, the known one or
            else the first that is suggested; ``None`` without groups.
        colour: How far colour alone tells the class; ``None`` where the budget has too
            few labels.
        turn: How far lines and colours tell the turn of an image; ``None`` for too few
            images.
        light: How far light alone does.
        shown: Rows of images to show, by class; of ``""`` without labels.
    """

    name: str
    size: int
    counts: dict[str, dict[str, int]]
    unlabelled: int
    budget: int
    groups: dict[str, int] | None
    suggested: tuple[Grouping, ...]
    files: Files | None
    doubles: Doubles
    own_group: Told | None
    colour: Told | None
    turn: Told | None
    light: Told | None
    shown: dict[str, tuple[int, ...]]

    @property
    def seen(self) -> int:
        """How many images training may see, with or without their labels."""
        return self.unlabelled + sum(part["train"] for part in self.counts.values())

    @property
    def tested(self) -> int:
        """How many test images there are."""
        return sum(part["test"] for part in self.counts.values())

    @property
    def leaks(self) -> bool:
        """Whether images of a group are alike far beyond chance: twice as often."""
        told = self.own_group
        return told is not None and told.low > 2 * told.chance

    @property
    def up(self) -> Literal["yes", "no", "light", "open"]:
        """Whether images have an up, or perhaps only light that falls from one side.

        It is ``"light"`` where how bright the quarters of an image are tells more than
        half of what lines and colours tell beyond guessing. So it is with photographs,
        by their sky, and under a microscope, by its lamp: images alone cannot say which
        of the two it is.
        """
        if self.turn is None or self.light is None or self.turn.low <= UP:
            return "no" if self.turn is not None and self.turn.high < UP else "open"
        beyond = self.turn.share - self.turn.chance
        lit = self.light.share - self.light.chance > beyond / 2
        return "light" if lit else "yes"

    @property
    def balance(self) -> float:
        """Training images of the smallest class, as a share of the largest one's."""
        sizes = [part["train"] for part in self.counts.values()]
        return min(sizes) / max(sizes) if any(sizes) else 1.0


def look(
    images: ImageSet, *, budget: Tensor | None = None, files: Files | None = None
) -> Look:
    """Look at a set of images; nothing is trained but linear readers of handmade cues.

    Test images are compared with those of training, to find doubles and shared groups,
    and counted; nothing else is made of them. Where groups are not known, those that
    file names suggest keep images together that are told from each other.

    Args:
        images: The set, with the files that could not be read left out.
        budget: Rows of the label budget (``Split.budget``); no other labels are read
            but to count them. ``None``: no labels.
        files: What the headers say (``files.headers``), if there are files.
    """
    suggested = names.suggested(images) if images.groups is None else ()
    grouped = images
    if suggested and images.files is not None:
        groups = names.of(images.files, suggested[0].pattern)
        grouped = replace(images, groups=groups)
    if files is not None and images.skipped:
        broken = dict.fromkeys(images.skipped, "its pixels cannot be decoded")
        files = replace(files, unreadable=broken | files.unreadable)
    turned = cues.turns(grouped)
    return Look(
        name=images.name,
        size=images.size,
        counts=_counts(images),
        unlabelled=int((images.labels < 0).sum()),
        budget=0 if budget is None else len(budget),
        groups=_groups(images),
        suggested=suggested,
        files=files,
        doubles=doubles(images, budget),
        own_group=cues.own_group(grouped),
        colour=None if budget is None else cues.by_colour(grouped, budget),
        turn=turned and turned[0],
        light=turned and turned[1],
        shown=_shown(images, budget),
    )


def doubts(look: Look) -> tuple[str, ...]:
    """Why scores on the test images may be too good, a sentence each."""
    found = look.doubles
    several = found.same_tested + found.near_tested
    sentences = []
    if several > A_POINT * look.tested:
        sentences.append(
            f"{several} of {look.tested} test images are also among those that "
            "training may see"
        )
    if look.suggested and look.leaks:
        one = look.suggested[0]
        if one.shared > A_POINT * look.tested:
            sentences.append(
                f"{one.shared} of {look.tested} test images seem to be of a group "
                f"(as '{one.group}' of '{one.file}') that training has, too"
            )
    return tuple(sentences)


def _counts(images: ImageSet) -> dict[str, dict[str, int]]:
    labels = images.labels.cpu().numpy()
    return {
        name: {
            part: int(((labels == label) & (images.part == part)).sum())
            for part in ("train", "test")
        }
        for label, name in enumerate(images.classes)
    }


def _groups(images: ImageSet) -> dict[str, int] | None:
    if images.groups is None:
        return None
    labels, train = images.labels.cpu().numpy(), images.part == "train"
    if not images.classes:
        return {"all images": _count(images.groups)}
    return {
        name: _count(images.groups[(labels == label) & train])
        for label, name in enumerate(images.classes)
    }


def _count(groups: NDArray) -> int:
    """How many groups there are; an image without one has the empty name."""
    return len(set(groups) - {""})


def _shown(images: ImageSet, budget: Tensor | None) -> dict[str, tuple[int, ...]]:
    """The first of each class in the budget; without one, some from end to end."""
    if budget is None or not len(budget):
        seen = images.seen()
        places = np.linspace(0, len(seen) - 1, min(SHOWN, len(seen))).astype(int)
        return {"": tuple(seen[places].tolist())}
    labels = images.labels.cpu()[budget]
    return {
        name: tuple(budget[labels == label][:SHOWN].tolist())
        for label, name in enumerate(images.classes)
    }
