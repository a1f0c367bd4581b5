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
            ``None`` if all of them are of one group, from which nothing follows.
        high: The upper end, likewise.
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
    low: float | None
    high: float | None
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
        """Accuracy within each true class; NaN for one without test images."""
        table = np.asarray(self.confusion)
        with np.errstate(invalid="ignore"):
            return list(table.diagonal() / table.sum(axis=1))

    @property
    def macro_recall(self) -> float:
        """Mean accuracy over the classes with test images, whatever their sizes."""
        return float(np.nanmean(self.recall))

    @property
    def majority(self) -> float:
        """Accuracy of always answering the test set's commonest class."""
        table = np.asarray(self.confusion)
        return float(table.sum(axis=1).max() / table.sum())


def test_set_interval(
    correct: NDArray[np.bool_], groups: NDArray | None = None
) -> tuple[float, float] | None:
    """95 % interval of an accuracy, over images or their groups.

    The percentile bootstrap; or, where all images (or groups) have the same accuracy,
    in whose resamples nothing varies, the exact binomial interval of as many.

    Args:
        correct: ``(N,)``, whether each test image was classified correctly.
        groups: ``(N,)`` group of each image; whole groups are resampled, since images
            of one slide or person are right and wrong together.

    Returns:
        Its ends; nothing for a single group, whose images are no sample of others.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13;
        Clopper and Pearson, Biometrika 26 (1934), for the exact one.
    """
    from scipy.stats import beta, bootstrap

    units = np.arange(len(correct)) if groups is None else groups
    _, member = np.unique(units, return_inverse=True)
    sizes = np.bincount(member)
    right = np.bincount(member, weights=correct)
    count = len(sizes)
    if groups is not None and count < 2:
        return None
    shares = right / sizes
    if (shares == shares[0]).all():
        fine = count * shares[0]  # as quantiles, since it need not be a whole number
        low = beta.ppf(0.025, fine, count - fine + 1) if fine > 0 else 0.0
        high = beta.ppf(0.975, fine + 1, count - fine) if fine < count else 1.0
        return float(low), float(high)
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
    low, high = test_set_interval(correct, groups) or (None, None)
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
