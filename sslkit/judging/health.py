"""Health: is it learning? What is watched while an encoder is pretrained."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable

import pandas as pd
from torch import Tensor
from tqdm.std import tqdm

from sslkit.images.imageset import ImageSet
from sslkit.judging import looks
from sslkit.judging.alarms import Alarm, check, summary
from sslkit.judging.watched import Watched
from sslkit.learning.choices import check_choice
from sslkit.learning.loop import Progress
from sslkit.learning.objective import Objective
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from sslkit.methods.pretraining import TRAINING, rows_to_learn_from
from sslkit.methods.settings import Settings

LOOKS = 11  # spread over the epochs, beside one after the first
BATCH = 64  # images whose views are made, at most half of a batch of the training


def tell(text: str) -> None:
    """Write above the progress bars, and nowhere where these are switched off."""
    if not os.environ.get("TQDM_DISABLE"):
        tqdm.write(text, file=sys.stderr)


class Health:
    """A ``watch`` for ``pretrain``: says in plain language what seems wrong.

    After every epoch it notes what that measured, a dozen times it looks closer
    (``looks.look``), and each time it goes through the ``alarms``. The cost is about a
    hundredth of the training; the result is the same, to the last bit.

    Args:
        images: The set that is learnt from.
        method: As ``pretrain`` takes it.
        rows: Likewise, ``(N,)`` int64; without them all but the test part.
        labelled: ``(M,)`` rows whose labels may be seen, those of the budget: their
            nearest neighbours are looked at, too. None are if not given.
        training: As ``pretrain`` takes it.
        say: Takes each alarm when it is first seen, and a summary at the end.

    Attributes:
        alarms: Those so far, each once.

    Raises:
        ValueError: If the method is unknown, there are no rows, one is of the test
            part, or a labelled one has no label.
    """

    def __init__(
        self,
        images: ImageSet,
        method: str | Settings,
        *,
        rows: Tensor | None = None,
        labelled: Tensor | None = None,
        training: Training | None = None,
        say: Callable[[str], None] = tell,
    ) -> None:
        if isinstance(method, str):
            check_choice("method", method, METHODS)
            method = METHODS[method]
        rows = rows_to_learn_from(images, rows)
        if not len(rows):
            raise ValueError(f"'{images.name}' has no images to learn from")
        most = (training or TRAINING).batch_size
        self.alarms: list[Alarm] = []
        self._say = say
        self._chance = method.chance(round(len(rows) / math.ceil(len(rows) / most)))
        self._sample, _ = images.take(looks.some(rows))
        self._batch = self._sample[: min(BATCH, max(2, most // 2))]
        self._noise = looks.noise_like(self._sample, len(self._batch))
        labelled = (
            rows[:0] if labelled is None else rows_to_learn_from(images, labelled)
        )
        self._labelled = looks.Labelled.of(images, labelled)
        self._pixels, _ = images.take(self._labelled.rows)
        self._values: dict[str, dict[int, float]] = {}
        self._epochs: dict[int, int] = {}  # by step
        self._steps = 0

    def __call__(self, progress: Progress) -> None:
        """Note an epoch, look if it is time, and say what is new."""
        self._epochs[progress.step] = progress.epoch
        self._steps = progress.step // progress.epoch * progress.epochs
        values = dict(progress.values)
        if is_time(progress.epoch, progress.epochs):
            values |= self._look(progress.objective)
        for metric, value in values.items():
            self._values.setdefault(metric, {})[progress.step] = value
        told = {alarm.name for alarm in self.alarms}
        new = [alarm for alarm in check(self.watched) if alarm.name not in told]
        self.alarms += new
        for alarm in new:
            self._say(f"alarm: {alarm}")
        if progress.epoch == progress.epochs:
            self._say(summary(self.watched, self.alarms))

    @property
    def watched(self) -> Watched:
        """What was seen so far, as the alarms read it."""
        return Watched(
            self._values,
            self._steps,
            chance=self._chance,
            labelled=len(self._labelled),
            by_chance=self._labelled.by_chance,
        )

    @property
    def history(self) -> pd.DataFrame:
        """What was seen so far: columns epoch, step, metric, value."""
        rows = [
            (self._epochs[step], step, metric, value)
            for metric, seen in self._values.items()
            for step, value in seen.items()
        ]
        return pd.DataFrame(rows, columns=["epoch", "step", "metric", "value"])

    def _look(self, objective: Objective) -> dict[str, float]:
        found = looks.look(objective, self._sample, self._batch, self._noise)
        if len(self._labelled):
            features = looks.read(objective.encoder, self._pixels)
            found["neighbours"] = self._labelled.agreeing(features)
        return found


def is_time(epoch: int, epochs: int) -> bool:
    """Whether to look after an epoch: the first, and ``LOOKS`` spread over all."""
    return epoch == 1 or epoch * LOOKS // epochs > (epoch - 1) * LOOKS // epochs
