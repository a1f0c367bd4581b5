"""Arms: what is compared, by the names, colours and order of tables and figures.

An arm is a way to use labels and images: a method that pretrains, or a baseline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One arm, through the whole book.

    Attributes:
        name: In recipes, records and tables.
        label: In figures and sentences.
        colour: Hexadecimal. Each stands 3:1 against white, and any two stay apart on a
            light and on a dark page, under the three colour-vision deficiencies, too
            (CIE76 distance above 16).
        marker: Matplotlib's letter, which tells arms apart in grey.
        pretrained: Whether an encoder was pretrained without labels first.
        only: The one protocol by which it is judged, or none: what learns from labels
            without pretraining has no other.
    """

    name: str
    label: str
    colour: str
    marker: str
    pretrained: bool
    only: str | None = None

    def judged(self, protocol: str) -> str:
        """How it was judged where others were by a protocol: as they, if it can be.

        What never learnt has nothing that was fine-tuned, but a linear probe.
        """
        if self.only is not None:
            return self.only
        return "linear" if protocol == "finetune" and not self.pretrained else protocol


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("random", "random encoder", "#8C8C8C", "X", False),
        Arm("start", "warm start", "#AF9148", "v", False),
        Arm("histogram", "colour histogram", "#515768", "p", False),
        Arm(
            "supervised-plain",
            "supervised, plain views",
            "#003366",
            "P",
            False,
            "finetune",
        ),
        Arm("supervised", "supervised", "#222222", "s", False, "finetune"),
        Arm("selftrain", "self-training", "#36A0C4", "d", False, "selftrain"),
        Arm("rotnet", "RotNet", "#CF7A00", "^", True),
        Arm("rotnet-jitter", "RotNet + jitter", "#B5332E", "D", True),
        Arm("simclr", "SimCLR", "#0072B2", "o", True),
        Arm("byol", "BYOL", "#BB66FF", "<", True),
        Arm("vicreg", "VICReg", "#6C9D6A", ">", True),
    )
}
"""In the order of tables and figures."""


def arm_of(name: str) -> Arm:
    """The arm of a name; one that is not in the table stands under its own name."""
    return ARMS.get(name) or Arm(name, name, "#335500", "*", True)


def ordered(names: Iterable[str]) -> list[str]:
    """Names of arms, each once: those of the table in its order, then the others."""
    given = set(names)
    return [name for name in ARMS if name in given] + sorted(given - {*ARMS})
