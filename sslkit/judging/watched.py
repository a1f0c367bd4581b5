"""What was seen of a pretraining: values by metric and step, said in one line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Watched:
    """What was seen of a pretraining so far.

    Attributes:
        values: By metric and then step, both in the order in which they came: an
            epoch's means, as ``train_loss``, and what ``Health`` looks at.
        steps: How many there will be in all.
        chance: The loss of a guess, in nats; ``None`` if none is known.
        labelled: How many labelled images have neighbours.
        by_chance: Share of pairs of them that are of one class: how often a nearest
            neighbour would be, by chance.
    """

    values: Mapping[str, Mapping[int, float]]
    steps: int
    chance: float | None = None
    labelled: int = 0
    by_chance: float = 0.0

    @property
    def step(self) -> int:
        """The last step seen."""
        return max(map(max, self.values.values()))

    @property
    def done(self) -> float:
        """Share of the training that is done, in (0, 1]."""
        return self.step / self.steps

    def seen(self, metric: str) -> list[float]:
        """All values of a metric; empty if it is not measured."""
        return list(self.values.get(metric, {}).values())

    def last(self, metric: str) -> float:
        """The last value of a metric; NaN, which is below no threshold, if none is."""
        seen = self.seen(metric)
        return seen[-1] if seen else math.nan

    def share(self, metric: str = "train_loss") -> float:
        """The last value of a loss or a gradient as a share of a guess's loss."""
        return self.last(metric) / self.chance if self.chance else math.nan

    def growing(self) -> Iterator[Watched]:
        """The same as it was after each step: one that grows until it is whole."""
        came: dict[int, dict[str, float]] = {}
        for metric, seen in self.values.items():
            for step, value in seen.items():
                came.setdefault(step, {})[metric] = value
        values: dict[str, dict[int, float]] = {}
        so_far = replace(self, values=values)
        for step in sorted(came):
            for metric, value in came[step].items():
                values.setdefault(metric, {})[step] = value
            yield so_far


def in_a_line(watched: Watched) -> str:
    """What was seen last, beside what a guess would give."""
    last, chance = watched.last, watched.chance
    said = [f"loss {last('train_loss'):.3g}"]
    if chance is not None:
        said[0] += f" (by chance {chance:.3g})"
    if watched.seen("train_accuracy"):
        said.append(f"accuracy {last('train_accuracy'):.0%}")
        if watched.seen("noise_accuracy"):
            said[-1] += f" (on noise {last('noise_accuracy'):.0%})"
    if watched.seen("rank"):
        said.append(f"{last('rank'):.0f} directions")
    if watched.seen("neighbours"):
        said.append(
            f"nearest of {watched.labelled} labelled images of the same class for "
            f"{last('neighbours'):.0%} (by chance {watched.by_chance:.0%})"
        )
    return ", ".join(said)
