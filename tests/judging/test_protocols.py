"""The protocols: what each learns from, chooses by, and is scored with."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.made import LEARNT, N_TEST, Watched, digest, judged, untouched
from numpy.typing import NDArray
from sklearn import metrics
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging import cases
from sslkit.judging.protocols import PROTOCOLS, UNFROZEN
from sslkit.learning.encoders import Encoder

LAYERS = ["layer1", "layer2", "layer3", "layer4"]


def test_the_protocols_are_these() -> None:
    assert list(PROTOCOLS) == [
        "linear", "mlp", "finetune", "knn", "folds", "layers", "selftrain",
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_protocol_changes_the_encoder_not_even_its_batch_norm(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    before = digest(encoder)
    judged([protocol], encoder, images, rows)
    assert digest(encoder) == before
    assert all(p.grad is None for p in encoder.parameters())


def test_fine_tuning_trains_a_copy_whole_with_its_batch_norm(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    given = copy.deepcopy(encoder.state_dict())
    judged(["finetune"], encoder, images, rows)
    tuned = watched.objective.encoder
    assert tuned is not encoder
    unchanged = [k for k, v in tuned.state_dict().items() if torch.equal(v, given[k])]
    assert not unchanged


def test_protocols_share_one_reading_of_the_images(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judged(["linear", "mlp", "knn", "folds"], encoder, images, rows)
    read = Counter(
        row for what, some, _ in watched.events if what == "images" for row in some
    )
    assert set(read.values()) == {1}
    assert len(read) == len(images)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "layers"])
def test_test_images_are_read_only_after_everything_is_learnt_and_chosen(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judged([protocol], encoder, images, rows)
    fitted = watched.when("fitted")
    if protocol == "knn":  # and some fits of its folds
        assert len(fitted) > 1
    else:
        assert len(fitted) == (6 if protocol == "folds" else 1)
    source = "images" if protocol in UNFROZEN else "features"
    for kind in ("images", "features"):
        assert all(when > fitted[-1] for when, _ in watched.reads(rows.test, kind))
    once = sorted(rows.test.tolist())
    read = sorted(row for _, some in watched.reads(rows.test, source) for row in some)
    if protocol == "knn":
        assert read == once
    else:  # with the selected weights and with the last
        assert read == sorted(once * 2)
    if source == "features":  # the images themselves, once
        pixels = [row for _, some in watched.reads(rows.test, "images") for row in some]
        assert sorted(pixels) == once


def test_test_images_are_read_for_a_layer_only_after_its_probe_has_learnt(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judged(["layers"], encoder, images, rows)
    once = sorted(rows.test.tolist())
    for layer in LAYERS:
        (fitted,) = watched.when("fitted", layer)
        reads = watched.reads(rows.test, "features", layer)
        assert min(when for when, _ in reads) > fitted
        assert sorted(row for _, some in reads for row in some) == sorted(once * 2)
    pixels = [row for _, some in watched.reads(rows.test, "images") for row in some]
    assert sorted(pixels) == sorted(once * 4)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_test_images_are_scored_once_a_protocol(
    protocol: str,
    images: ImageSet,
    rows: Split,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, score = [], cases.score_test
    monkeypatch.setattr(
        cases,
        "score_test",
        lambda *given, **rest: asked.append(1) or score(*given, **rest),
    )
    found = judged([protocol], encoder, images, rows)
    assert list(found) == (LAYERS if protocol == "layers" else [protocol])
    assert len(asked) == len(found)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_test_image_counts_with_the_incomplete_batch(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    truth = np.bincount(images.labels[rows.test], minlength=3)
    expected = rows.budget if protocol == "folds" else rows.train
    for one in judged([protocol], encoder, images, rows).values():
        assert one.score.n_test == N_TEST
        assert np.sum(one.score.confusion, axis=1).tolist() == truth.tolist()
        assert one.score.n_train == len(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_labels_of_test_images_decide_nothing_but_the_score(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    wrong = images.labels.clone()
    wrong[rows.test] = (wrong[rows.test] + 1) % 3
    right, other = (
        judged([protocol], encoder, some, rows)
        for some in (images, replace(images, labels=wrong))
    )
    for name, one in right.items():
        predicted = [np.asarray(j.score.confusion) for j in (one, other[name])]
        assert (predicted[1] == np.roll(predicted[0], 1, axis=0)).all()
        assert one.score.epoch == other[name].score.epoch


def test_a_score_keeps_what_its_epoch_had_on_the_validation_images(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = judged(["linear", "finetune", "layers", "knn"], encoder, images, rows)
    for name in ("linear", "finetune", *LAYERS):
        score, history = found[name].score, found[name].history
        losses = history.query("metric == 'val_loss'")["value"]
        assert score.val_loss == losses.min()
        there = history.query(f"epoch == {score.epoch} and metric == 'val_accuracy'")
        assert score.val_accuracy == there["value"].item()
    assert found["knn"].score.val_loss is None
    assert found["knn"].history.empty


@pytest.mark.parametrize("protocol", ["linear", "mlp", "finetune"])
def test_training_labels_train_and_validation_labels_only_choose(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judged([protocol], encoder, images, rows)
    (learnt,) = watched.learnt()
    assert learnt == rows.train.tolist()
    assert not set(learnt) & set(rows.val.tolist())
    losses = watched.fitted.history
    losses = losses[losses.metric == "val_loss"].value.tolist()
    assert watched.fitted.epoch == int(np.argmin(losses)) + 1


def by_hand(
    objective: nn.Module, weights: dict[str, Tensor], inputs: Tensor, labels: Tensor
) -> tuple[float, float, NDArray[np.int64]]:
    """Accuracy, loss and predictions of some weights, in one batch."""
    objective = copy.deepcopy(objective).eval()
    objective.load_state_dict(weights)
    with torch.no_grad():
        (logits,) = (found.double() for found in objective([inputs]).values())
    likelihood = logits.softmax(1)[torch.arange(len(labels)), labels]
    answers = logits.argmax(1)
    accuracy = (answers == labels).double().mean().item()
    return accuracy, -likelihood.log().mean().item(), answers.numpy()


@pytest.mark.parametrize("protocol", ["linear", "mlp", "finetune"])
def test_scores_are_those_of_the_selected_weights_with_the_last_beside_them(
    protocol: str, easy: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    # Wrong labels in validation: the more is learnt, the higher the loss there.
    wrong = easy.labels.clone()
    wrong[rows.val] = (wrong[rows.val] + 1) % 3
    images = replace(easy, labels=wrong)
    slower = LEARNT.lr / (10 if protocol == "finetune" else 1)
    longer = replace(LEARNT, lr=slower, epochs=8)
    found = judged([protocol], encoder, images, rows, training=longer)[protocol]
    score = found.score
    assert score.epoch == watched.fitted.epoch
    assert score.epoch < longer.epochs, "else the two would be the same weights"
    labels = images.labels[rows.test]
    inputs = images.images[rows.test] / 255
    if protocol != "finetune":
        inputs = untouched(encoder, images, rows.test)
    accuracy, loss, answers = by_hand(
        watched.objective, watched.fitted.selected, inputs, labels
    )
    assert score.accuracy == pytest.approx(accuracy)
    assert score.loss == pytest.approx(loss, rel=1e-4)
    assert score.confusion == metrics.confusion_matrix(labels, answers).tolist()
    accuracy, loss, _ = by_hand(watched.objective, watched.last, inputs, labels)
    assert score.last_accuracy == pytest.approx(accuracy)
    assert score.last_loss == pytest.approx(loss, rel=1e-4)
    assert score.last_loss != pytest.approx(score.loss, rel=1e-3)
    assert found.classifier is not None  # and it is the selected one that is given
    given = found.classifier.predict(images.images[rows.test])
    assert given.argmax(1).tolist() == answers.tolist()


def test_heads_learn_what_the_features_tell(
    easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    for name, one in judged(list(PROTOCOLS), encoder, easy, rows).items():
        assert one.score.accuracy > 0.95, name
