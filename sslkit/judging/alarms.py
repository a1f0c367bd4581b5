"""Alarms: how a pretraining looks that does not learn, in plain language.

Pure functions of what was watched, one an alarm, each with its threshold. Beside a
threshold stands what healthy trainings show: the records of the book, its five methods
for a few hundred steps on drawn scenes, tissue, blood cells and photographs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from sslkit.judging.watched import Watched, in_a_line

# How far directions spread (``methods.byol.deviation``), 0 where all point one way.
ALIKE_FEATURES = 0.05  # healthy: from 0.2
ALIKE_EMBEDDINGS = 0.15  # healthy: from 0.4
# Effective rank. So many classes as there are directions cannot all be told apart.
FEW_DIRECTIONS = 4.0  # healthy: from 7
# Losses, as shares of a guess's.
FAR_ABOVE = 2.0  # healthy: up to 1.3, in the first epoch
RISEN = 0.25  # above the lowest so far; healthy: up to 0.07
# Of 473 that end below the first, 39 are above it after half of the training, for they
# begin late, and 4 after three quarters; all 137 that end above it are, too.
AS_A_GUESS = (0.98, 1.2)
# Norms of the gradient of one batch.
EXPLODED = 100.0  # times the median of the looks before; healthy: up to 10
NO_GRADIENT = 1e-3  # share of a guess's loss; healthy: from 0.02
UNSOLVED = 0.1  # share of a guess's loss above which a gradient must not vanish
# Accuracies of the pretext task.
SOLVED = 0.995  # healthy, in the first half of the training: up to 0.99
ON_NOISE = 0.75  # healthy: up to 0.6, on cells that one lamp has lit
# How much oftener than by chance a nearest neighbour should be of the same class.
OF_USE = 0.08
# Shares of the training: what is to be judged by its result is judged after these.
EARLY, HALF, LATE = 0.2, 0.5, 0.75


@dataclass(frozen=True)
class Alarm:
    """One sign that a pretraining does not learn what it should.

    Attributes:
        name: In a word.
        step: After which it was first seen.
        seen: What, with its number.
        means: What that usually means.
        advice: What to try.
    """

    name: str
    step: int
    seen: str
    means: str
    advice: str

    def __str__(self) -> str:
        means = self.means[:1].upper() + self.means[1:]
        return (
            f"{self.name}, step {self.step}: {self.seen}.\n"
            f"  {means}; try {self.advice}."
        )


def collapse(watched: Watched) -> Alarm | None:
    """Features, or embeddings where a method tells of them, are alike for all images.

    Source:
        Chen and He, *Exploring Simple Siamese Representation Learning*, CVPR 2021
        (arXiv:2011.10566), section 4.1, who watch the deviation of unit vectors.
    """
    for metric, alike, of in (
        ("train_deviation", ALIKE_EMBEDDINGS, "embeddings"),
        ("deviation", ALIKE_FEATURES, "features"),
    ):
        if watched.last(metric) < alike:
            return Alarm(
                "collapse",
                watched.step,
                f"the {of} of all images point nearly one way: they spread by "
                f"{watched.last(metric):.2g}, of at most 1",
                "the network gives every image the same answer",
                "a lower lr, larger batches, or what keeps this method's answers apart "
                "(negatives, a predictor and a slow copy, a variance term)",
            )
    return None


def dimensions(watched: Watched) -> Alarm | None:
    """Features use few directions, though images still differ along these.

    Source:
        Jing, Vincent, LeCun and Tian, *Understanding Dimensional Collapse in
        Contrastive Self-supervised Learning*, ICLR 2022 (arXiv:2110.09348).
    """
    if not (watched.done > EARLY and watched.last("rank") < FEW_DIRECTIONS):
        return None
    return Alarm(
        "few directions",
        watched.step,
        f"the features use {watched.last('rank'):.1f} directions",
        "the network tells images apart by a few things alone, so that a classifier "
        "finds little in its features",
        "a lower lr, stronger views, or more images",
    )


def rate(watched: Watched) -> Alarm | None:
    """Loss or gradient grow as they do where steps are too long."""
    losses, before = watched.seen("train_loss"), watched.seen("gradient")[:-1]
    guess, gradient = watched.chance or math.nan, watched.last("gradient")
    usual = median(before) if before else math.nan
    if watched.share() > FAR_ABOVE:
        seen = f"the loss is {losses[-1]:.3g}, that of a guess {guess:.3g}"
    elif losses and losses[-1] - min(losses) > RISEN * guess:
        seen = f"the loss has risen from {min(losses):.3g} to {losses[-1]:.3g}"
    elif math.isinf(gradient):
        seen = "the gradient is beyond all numbers"
    elif gradient > EXPLODED * usual:
        seen = f"the gradient has a norm of {gradient:.2g}, where {usual:.2g} was usual"
    else:
        return None
    return Alarm(
        "rate too high",
        watched.step,
        seen,
        "steps are so long that each spoils what those before it learnt",
        "a tenth of the lr, or a warmup of 0.05",
    )


def stuck(watched: Watched) -> Alarm | None:
    """No gradient is left although the task is not solved."""
    if not (watched.share("gradient") < NO_GRADIENT and watched.share() > UNSOLVED):
        return None
    return Alarm(
        "stuck",
        watched.step,
        f"the gradient has a norm of {watched.last('gradient'):.1g} at a loss of "
        f"{watched.last('train_loss'):.3g}",
        "weights have grown so large, or units are so sure, that no step changes much",
        "a lower lr, a warmup of 0.05, or weight decay, from the start",
    )


def chance(watched: Watched) -> Alarm | None:
    """The task is no better solved than by a guess when it has had its time."""
    low, high = AS_A_GUESS  # what is higher still is another alarm
    if not (watched.done >= LATE and low < watched.share() < high):
        return None
    return Alarm(
        "at chance",
        watched.step,
        f"after {watched.done:.0%} of the training the loss is "
        f"{watched.last('train_loss'):.3g}, that of a guess {watched.chance:.3g}",
        "the images do not hold the answer (as the turn of what has no up), or "
        "learning has not begun",
        "looking at the views, another lr, more steps, or another task",
    )


def solved(watched: Watched) -> Alarm | None:
    """The task is solved so early that little was learnt from it."""
    accuracy = watched.last("train_accuracy")
    if not (watched.done < HALF and accuracy >= SOLVED):
        return None
    return Alarm(
        "solved early",
        watched.step,
        f"after {watched.done:.0%} of the training {accuracy:.1%} of the answers are "
        "right",
        "the task is too easy to learn more from: something may give it away",
        "harder views, or looking for a light, a border, a mark that all images share",
    )


def shortcut(watched: Watched) -> Alarm | None:
    """The task is solved where there is nothing to see.

    Source:
        Geirhos and others, *Shortcut Learning in Deep Neural Networks*, Nature Machine
        Intelligence 2020 (arXiv:2004.07780).
    """
    accuracy = watched.last("noise_accuracy")
    if not accuracy >= ON_NOISE:
        return None
    return Alarm(
        "shortcut",
        watched.step,
        f"{accuracy:.0%} of the answers are right on noise that has nothing but "
        "what all your images share",
        "what is in an image is not needed: a light, a border, a mark or a colour "
        "gives the answer away",
        "looking at the mean of your images, cropping or jittering the cue away, or "
        "another task",
    )


def neighbours(watched: Watched) -> Alarm | None:
    """The features say nothing of the classes, and labels enough are there to know."""
    same = max(watched.seen("neighbours")[-2:], default=math.nan)  # one may be bad luck
    twice_error = 1 / math.sqrt(max(1, watched.labelled))  # of a share, at most
    enough = watched.by_chance + OF_USE
    if not (watched.done >= HALF and same + twice_error < enough):
        return None
    return Alarm(
        "neighbours at chance",
        watched.step,
        f"the nearest of {watched.labelled} labelled images is of the same class for "
        f"{same:.0%}, by chance for {watched.by_chance:.0%}",
        "what the task teaches is not what your labels ask for",
        "views that change what does not matter to the classes and keep what does, "
        "or another task",
    )


def forgetting(watched: Watched) -> Alarm | None:
    """The features said more of the classes earlier in the training."""
    seen = watched.seen("neighbours")
    if not seen or max(seen) - seen[-1] < 2 / math.sqrt(max(1, watched.labelled)):
        return None
    return Alarm(
        "forgetting",
        watched.step,
        f"the nearest of {watched.labelled} labelled images is of the same class for "
        f"{seen[-1]:.0%}, and was for {max(seen):.0%}",
        "what your labels ask for was in the features, and is being lost",
        "fewer steps, a lower lr, looking for a cue that gives the answer away, or "
        "another task",
    )


CHECKS: tuple[Callable[[Watched], Alarm | None], ...] = (
    collapse,
    dimensions,
    rate,
    stuck,
    chance,
    solved,
    shortcut,
    neighbours,
    forgetting,
)


def check(watched: Watched) -> list[Alarm]:
    """All alarms that what was watched gives at its last step."""
    return [alarm for one in CHECKS if (alarm := one(watched))]


def alarms(watched: Watched) -> list[Alarm]:
    """All alarms that a training gave, each once, where it was first seen."""
    found: dict[str, Alarm] = {}
    for so_far in watched.growing():
        for alarm in check(so_far):
            found.setdefault(alarm.name, alarm)
    return list(found.values())


def summary(watched: Watched, found: Sequence[Alarm]) -> str:
    """What was seen last in a line, which begins with what to think of it."""
    names = ", ".join(alarm.name for alarm in found)
    return f"{f'in doubt ({names})' if names else 'learning'}: {in_a_line(watched)}"
