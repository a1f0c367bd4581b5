"""Scores: what a protocol reached on the test set, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split


@dataclass(frozen=True)
class Score:
    """What one protocol reached on the test set.

    Attributes:
        accuracy: Share of test images classified correctly, in [0, 1].
        loss: Mean cross-entropy on the test images, in nats.
        low: Lower end of the 95 % bootstrap interval of the accuracy over *test images*
            (over their groups where known): what another test set might have given this
            one trained model. It says nothing about other draws of labels or seeds.
        high: The upper end.
        confusion: Test images by true class (rows) and predicted class (columns).
        epoch: The selected epoch, counted from 1; ``None`` where none is chosen (kNN).
        last_accuracy: Accuracy with the last epoch's weights instead.
        last_loss: Loss with the last epoch's weights instead.
        val_accuracy: Accuracy of the selected epoch on the validation images; ``None``
            where no epoch was chosen by them alone (kNN, folds).
        val_loss: Loss of that epoch on them, likewise.
        n_train: Images whose labels trained (validation images not counted).
        seconds: Time taken, features included.
        predicted: The class predicted for each test image, in the order of
            ``split.test``; what published records leave out.
    """

    accuracy: float
    loss: float
    low: float
    high: float
    confusion: list[list[int]]
    epoch: int | None
    last_accuracy: float
    last_loss: float
    n_train: int
    val_accuracy: float | None = None
    val_loss: float | None = None
    seconds: float = 0.0
    predicted: tuple[int, ...] = ()

    @property
    def n_test(self) -> int:
        """Test images scored."""
        return int(np.sum(self.confusion))

    @property
    def recall(self) -> list[float]:
        """Accuracy within each true class."""
        table = np.asarray(self.confusion)
        return list(table.diagonal() / table.sum(axis=1).clip(min=1))

    @property
    def macro_recall(self) -> float:
        """Mean accuracy over the classes, whatever their sizes."""
        return float(np.mean(self.recall))

    @property
    def majority(self) -> float:
        """Accuracy of always answering the test set's commonest class."""
        table = np.asarray(self.confusion)
        return float(table.sum(axis=1).max() / table.sum())


def test_set_interval(
    correct: NDArray[np.bool_], groups: NDArray | None = None
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of an accuracy, over images or their groups.

    Args:
        correct: ``(N,)``, whether each test image was classified correctly.
        groups: ``(N,)`` group of each image; whole groups are resampled, since images
            of one slide or person are right and wrong together.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    from scipy.stats import bootstrap

    units = np.arange(len(correct)) if groups is None else groups
    _, member = np.unique(units, return_inverse=True)
    sizes = np.bincount(member)
    right = np.bincount(member, weights=correct)
    if right.sum() in (0, len(correct)) or len(sizes) < 2:
        return float(right.sum() / len(correct)), float(right.sum() / len(correct))
    interval = bootstrap(
        (right, sizes),
        lambda r, n, axis=-1: r.sum(axis) / n.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def score_test(
    predict: Callable[[Tensor], tuple[Tensor, Tensor]],
    images: ImageSet,
    split: Split,
    *,
    epoch: int | None,
) -> Score:
    """Score predictions on the test images: the only reader of ``split.test``.

    Args:
        predict: From rows to class probabilities ``(N, classes)`` of the selected and
            of the last weights.
        images: The set, for its labels and groups.
        split: Whose ``test`` rows are scored, all of them, once.
        epoch: The selected epoch, for the record.
    """
    from sklearn.metrics import confusion_matrix, log_loss

    selected, last = (p.numpy() for p in predict(split.test))
    labels = images.labels.cpu()[split.test].numpy()
    names = np.arange(len(images.classes))
    predicted = selected.argmax(1)
    correct = predicted == labels
    groups = None if images.groups is None else images.groups[split.test.numpy()]
    low, high = test_set_interval(correct, groups)
    return Score(
        accuracy=float(correct.mean()),
        loss=float(log_loss(labels, selected, labels=names)),
        low=low,
        high=high,
        confusion=confusion_matrix(labels, predicted, labels=names).tolist(),
        epoch=epoch,
        last_accuracy=float((last.argmax(1) == labels).mean()),
        last_loss=float(log_loss(labels, last, labels=names)),
        n_train=len(split.train),
        predicted=tuple(predicted.tolist()),
    )
