"""What features know: neighbours, linear read-outs, and how alike two layers are.

All of it only looks: nothing here chooses or trains an encoder. Features are
``(N, D)``, a row an image; rows of the set index them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sslkit.images.imageset import ImageSet
from sslkit.judging.features import BATCH
from sslkit.learning.encoders import Encoder
from sslkit.views import pieces

STRENGTHS = tuple(10.0**power for power in range(-1, 5))  # of ridge regression


@torch.no_grad()
def layers(encoder: Encoder, images: ImageSet) -> dict[str, Tensor]:
    """Read what every layer of an encoder makes of all images of a set.

    Args:
        encoder: On the device of the images; it is put into eval mode.
        images: What it reads.

    Returns:
        Features ``(N, C)`` by layer, averaged over space, first to last, on the CPU.
    """
    encoder.eval()
    read = [
        encoder.layers(pieces.to_float(images.take(rows)[0]))
        for rows in torch.arange(len(images)).split(BATCH)
    ]
    return {name: torch.cat([some[name].cpu() for some in read]) for name in read[0]}


def neighbours(
    features: Tensor, queries: Tensor, candidates: Tensor, count: int
) -> Tensor:
    """Find the images whose features point most nearly the same way.

    Args:
        features: ``(N, D)``.
        queries: ``(Q,)`` int64, rows to find the neighbours of.
        candidates: ``(M,)`` int64, rows to find them among. No image is its own
            neighbour.
        count: How many, at least 1.

    Returns:
        Rows ``(Q, count)``, by falling cosine similarity.

    Raises:
        ValueError: If there are too few candidates.
    """
    features = F.normalize(features.float())
    alike = features[queries] @ features[candidates].T
    own = queries[:, None] == candidates
    if not 1 <= count <= len(candidates) - int(own.sum(1).max()):
        raise ValueError(f"{count} neighbours among {len(candidates)} candidates")
    alike[own.to(alike.device)] = -torch.inf
    return candidates[alike.topk(count).indices.to(candidates.device)]


def cka(x: Tensor, y: Tensor) -> float:
    """Compare two representations of the same images: linear CKA, in [0, 1].

    1 means equal up to a turn, a shift and one factor. Of unrelated features it is
    above 0, about ``D / (N + D)`` for noise: compare with shuffled rows.

    Args:
        x: ``(N, D)``, one representation.
        y: ``(N, E)``, the other, of the same images in the same order.

    Raises:
        ValueError: If they are not of the same number of images, or one is the same
            for all images.

    Source:
        Kornblith, Norouzi, Lee and Hinton, *Similarity of Neural Network
        Representations Revisited*, ICML 2019 (arXiv:1905.00414), section 3.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(
            f"CKA takes (N, D) and (N, E), not {(*x.shape,)} and {(*y.shape,)}"
        )
    if any((z == z[0]).all() for z in (x, y)):
        raise ValueError("CKA is not defined for features that are the same everywhere")
    x, y = (z.double() - z.double().mean(0) for z in (x, y))
    # The Frobenius norms of D x E products equal those of N x N ones, and are cheaper.
    scale = (x.T @ x).norm() * (y.T @ y).norm()
    return float((x.T @ y).norm() ** 2 / scale)


def effective_rank(features: Tensor) -> float:
    """Give how many directions features use: 0 if all are the same, at most ``D``.

    The exponential of the entropy of the singular values' shares, of centred features:
    as many as there were if all that are used were used alike.

    Args:
        features: ``(N, D)``.

    Source:
        Roy and Vetterli, *The effective rank*, EUSIPCO 2007; Garrido, Balestriero,
        Najman and LeCun, *RankMe*, ICML 2023 (arXiv:2210.02885), equation 1.
    """
    values = features.double()
    sizes = torch.linalg.svdvals(values - values.mean(0))
    # What is left of equal rows by rounding is no direction.
    sizes = sizes[sizes > sizes.new_tensor(1e-9) * values.norm()]
    if not len(sizes):
        return 0.0
    share = sizes / sizes.sum()
    return float(torch.exp(-(share * share.log()).sum()))


def read_out(features: Tensor, values: NDArray, train: Tensor, test: Tensor) -> float:
    """Score how well a linear model reads something out of features.

    Numbers (floats) are read by ridge regression, its strength chosen within the
    training rows, and scored by R², the share of their variance that is explained;
    everything else is taken for kinds, read by logistic regression and scored by
    balanced accuracy, rescaled. Both scores are 1 if every test image is read exactly,
    0 at the level of chance, and can be below.

    Args:
        features: ``(N, D)``; standardised here, by the training rows.
        values: ``(N,)``, or floats ``(N, K)``, whose K scores are averaged.
        train: ``(B,)`` int64, the rows that the reader learns from.
        test: ``(T,)`` int64, the rows that it is scored on.

    Raises:
        ValueError: If a row is in both, or the values of a part are all the same.
    """
    # sklearn takes a second to import; it is needed here alone.
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.metrics import balanced_accuracy_score, r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if torch.isin(train, test).any():
        raise ValueError("a row is in train and in test: the score would be too good")
    known, asked = (features[rows].numpy(force=True) for rows in (train, test))
    right, wanted = values[train.numpy()], values[test.numpy()]
    for part, some in (("train", right), ("test", wanted)):
        if len(np.unique(some, axis=0)) < 2:
            raise ValueError(f"all values of the {part} rows are the same")
    numbers = np.issubdtype(values.dtype, np.floating)
    model = RidgeCV(STRENGTHS) if numbers else LogisticRegression(max_iter=2000)
    reader = make_pipeline(StandardScaler(), model).fit(known, right)
    if numbers:
        return float(r2_score(wanted, reader.predict(asked)))
    return float(balanced_accuracy_score(wanted, reader.predict(asked), adjusted=True))


def read_outs(
    features: Tensor,
    factors: pd.DataFrame,
    train: Tensor,
    test: Tensor,
    *,
    circular: tuple[str, ...] = ("hue",),
) -> pd.Series:
    """Score every known factor, as ``read_out`` does.

    Args:
        features: ``(N, D)``.
        factors: A column a factor, a row an image, as ``ImageSet.factors``.
        train: ``(B,)`` int64, the rows that the readers learn from.
        test: ``(T,)`` int64, the rows that they are scored on.
        circular: Factors in turns, of which 0 and 1 are the same: they are read as a
            point on the circle, by cosine and sine.

    Returns:
        A score a factor, by its name.
    """
    scores = {}
    for name in factors:
        values = factors[name].to_numpy()
        if name in circular:
            turn = 2 * np.pi * values
            values = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        scores[str(name)] = read_out(features, values, train, test)
    return pd.Series(scores)
