"""Self-training: a network labels the images that it is sure of, and is trained again.

From an encoder that has learnt nothing it is an answer to few labels that needs no
pretext. From a pretrained one it is SimCLRv2's third step, but that the teacher says
one class where SimCLRv2 keeps its probabilities, speaks of those images alone that it
is sure of, and the true labels stay among them.

Source:
    Lee, *Pseudo-Label* (ICML 2013 workshop), for the labels; Xie et al., *Self-training
    with Noisy Student* (arXiv:1911.04252), algorithm 1 and "Data filtering and
    balancing", for certainty, balance and rounds; Chen et al., SimCLRv2
    (arXiv:2006.10029), section 2.3.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from sslkit.images.devices import to_device
from sslkit.images.files import remove
from sslkit.images.imageset import ImageSet
from sslkit.judging.cases import Case, Judged, predictions
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training

# Tuned on shapes (profile quick, 5 % of the labels, draws and seeds 100 to 102) by the
# accuracy on images of the pool outside the budget, among 0.6, 0.9 and 0.99 with two
# rounds, 0.9 and 0.99 with three, and 0.95 with five. A network that few labels trained
# for long is sure of easy images first, so a high threshold adds little that is new;
# and of each further round all have fewer steps.
THRESHOLD = 0.6
ROUNDS = 2


def selftrain(case: Case) -> dict[str, Judged]:
    """All of a copy of the encoder learns, from labels and then from its own, too.

    A round trains a new copy of the encoder, with a linear head. The first learns from
    the labels alone. Each other one learns from them and from what the network before
    it said of the unlabelled images, as ``surest`` chooses. Each has its part of the
    steps of ``case.downstream``, a schedule of its own, and the epoch that validation
    selects; the last is scored. In the history, epochs and steps count through all
    rounds, and ``pseudo_labels`` is how many images beside the labelled ones trained.

    Where no image is sure enough, a round is fine-tuning of its length; where there is
    none to label, all steps are one round.
    """
    began = time.perf_counter()
    split = case.split
    known = labelled_alone(case.images, split.budget)  # case.images shows all labels
    asked = split.unlabelled[~torch.isin(split.unlabelled, split.budget)]
    lessons = parts(case.downstream, len(split.train), ROUNDS if len(asked) else 1)
    files = [
        case.checkpoint
        and case.checkpoint.with_stem(f"{case.checkpoint.stem}-round{number}")
        for number, _ in enumerate(lessons, 1)
    ]
    chosen, said = asked[:0], known.labels[:0]
    histories: list[pd.DataFrame] = []
    epochs = steps = 0
    for number, (lesson, file) in enumerate(zip(lessons, files, strict=True), 1):
        classifier = case.thawed()
        fitted = fit(
            classifier,
            with_labels(known, chosen, said),
            torch.cat([split.train, chosen]),
            validation=split.val,
            training=lesson,
            seed=case.seed,
            fabric=case.fabric,
            checkpoint=file,
            title=f"selftrain, round {number} of {len(lessons)}",
            select=case.select,
        )
        histories.append(_counted(fitted.history, epochs, steps, len(chosen)))
        if number == len(lessons):
            break
        epochs, steps = epochs + lesson.epochs, steps + (lesson.steps or 0)
        classifier.load_state_dict(fitted.selected)
        found = surest(predictions(classifier, known, asked), THRESHOLD)
        which, said = case.fabric.broadcast(found)  # devices round each in their way
        chosen = asked[which]
    whole = Fitted(
        pd.concat(histories, ignore_index=True), fitted.selected, epochs + fitted.epoch
    )
    score = case.score("selftrain", classifier, known, whole)
    if case.fabric.is_global_zero:
        for file in filter(None, files):
            remove(file)
    score = replace(score, seconds=time.perf_counter() - began)
    return {"selftrain": Judged(score, whole.history, classifier)}


def labelled_alone(images: ImageSet, rows: Tensor) -> ImageSet:
    """The same images with the labels of some rows; all others have -1, none."""
    there = to_device(rows, images.device)
    nothing = torch.full_like(images.labels, -1)
    return replace(images, labels=nothing.index_copy(0, there, images.labels[there]))


def with_labels(images: ImageSet, rows: Tensor, labels: Tensor) -> ImageSet:
    """The same images with these labels ``(N,)`` at these rows ``(N,)``."""
    there = to_device(rows, images.device)
    given = to_device(labels, images.device)
    return replace(images, labels=images.labels.index_copy(0, there, given))


def surest(probabilities: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Choose the images whose class is surest, of every class the same number.

    That number is how many images the rarest class has above the threshold.

    Args:
        probabilities: ``(N, classes)``.
        threshold: What the highest probability of an image must exceed, in [0, 1].

    Returns:
        Which images ``(M,)``, ascending, and their classes ``(M,)``; of images that are
        equally sure the first.
    """
    certainty, classes = probabilities.max(1)
    count = probabilities.shape[1]
    each = torch.bincount(classes[certainty > threshold], minlength=count).min()
    order = certainty.argsort(descending=True, stable=True)
    ranked = F.one_hot(classes[order], count)
    rank = (ranked.cumsum(0) * ranked).sum(1)  # within its class, from 1
    which = order[rank <= each].sort().values
    return which, classes[which]


def parts(training: Training, images: int, rounds: int) -> list[Training]:
    """Divide a training into rounds of as many epochs, the last ones of one more.

    Together they have exactly its steps, so there are never more rounds than epochs.

    Args:
        training: What is divided.
        images: How many it would learn from; a pass over them is an epoch of every
            round, unless it says ``steps``.
        rounds: How many, at least 1.
    """
    each = training.epoch_steps(images)
    rounds = min(rounds, training.epochs)
    few, more = divmod(training.epochs, rounds)
    lengths = [few + (number >= rounds - more) for number in range(rounds)]
    return [replace(training, epochs=n, steps=n * each) for n in lengths]


def _counted(
    history: pd.DataFrame, epochs: int, steps: int, added: int
) -> pd.DataFrame:
    """A round's history after so many epochs and steps, with its pseudo-labels."""
    count = history.drop_duplicates("epoch").assign(metric="pseudo_labels", value=added)
    whole = pd.concat([history, count]).sort_values("epoch", kind="stable")
    return whole.assign(epoch=whole["epoch"] + epochs, step=whole["step"] + steps)
