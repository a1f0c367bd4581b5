"""Judging any encoder: of this package, of a method of one's own, of elsewhere."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from judging.made import LEARNT, Watched, digest, judged, scored
from methods.own import Follower, Following
from small_runs import forbid
from torch import Tensor, nn

import sslkit
from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging import cases
from sslkit.judging.cases import Judged
from sslkit.judging.features import Features
from sslkit.judging.judge import judge
from sslkit.judging.protocols import PROTOCOLS
from sslkit.learning import loop
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Progress
from sslkit.learning.training import Training
from sslkit.methods.pretraining import pretrain


def same(one: Judged, other: Judged) -> bool:
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    return replace(one.score, seconds=0) == replace(other.score, seconds=0)


# ---------------------------------------------------------------- many protocols


def test_protocols_judged_together_find_what_each_finds_alone(
    images: ImageSet, encoder: Encoder, rows: Split
) -> None:
    asked = ["mlp", "knn", "layers", "linear", "finetune"]
    together = judged(asked, encoder, images, rows, seed=3)
    assert list(together) == [
        "mlp", "knn", "layer1", "layer2", "layer3", "layer4", "linear", "finetune",
    ]  # fmt: skip
    for name in asked:
        for own, alone in judged([name], encoder, images, rows, seed=3).items():
            assert same(together[own], alone), own
    epochs = {name: one.score.epoch for name, one in together.items()}
    assert epochs["linear"] != epochs["mlp"]  # each was selected by its own loss


def test_the_last_layer_of_the_tiny_encoder_is_judged_as_its_output(
    images: ImageSet, encoder: Encoder, rows: Split
) -> None:
    found = judged(["linear", "layers"], encoder, images, rows)
    last, output = found["layer4"].score, found["linear"].score
    assert last.loss == pytest.approx(output.loss, rel=1e-4)
    assert last.accuracy == pytest.approx(output.accuracy, abs=0.01)
    assert found["layer1"].score.loss != pytest.approx(output.loss, rel=1e-3)
    assert found["layer4"].classifier is None


def test_the_seed_decides_a_score_and_torchs_global_seed_does_not(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = []
    for seed, unrelated in ((1, 0), (1, 99), (2, 0)):
        torch.manual_seed(unrelated)
        score = scored("mlp", encoder, images, rows, seed=seed)
        found.append(replace(score, seconds=0))
    assert found[0] == found[1]
    assert found[0].loss != found[2].loss


def test_an_unknown_protocol_is_refused_with_the_known_ones_and_the_nearest(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    with pytest.raises(
        ValueError, match="'svm' is not one of linear, mlp, finetune, knn, folds, layer"
    ):
        judged(["linear", "svm"], encoder, images, rows)
    with pytest.raises(ValueError, match=r"'fine-tune' .*; did you mean 'finetune'\?"):
        judged(["fine-tune"], encoder, images, rows)
    assert sslkit.judge is judge


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_recorded_learns_again_and_reads_no_test_image(
    protocol: str,
    images: ImageSet,
    encoder: Encoder,
    rows: Split,
    monkeypatch: pytest.MonkeyPatch,
    watched: Watched,
) -> None:
    first = judged([protocol], encoder, images, rows)
    forbid(monkeypatch, cases, "score_test")
    watched.events.clear()
    known = {name: one.score for name, one in first.items()}
    again = judged([protocol], encoder, images, rows, known=known)
    assert not watched.reads(rows.test, "images")
    assert again.keys() == first.keys()
    for name, one in again.items():
        learnt = [found.classifier for found in (one, first[name])]
        assert same(first[name], one)
        if learnt != [None, None]:
            weights, before = (each.state_dict() for each in learnt)
            torch.testing.assert_close(weights, before, rtol=0, atol=0)
    with pytest.raises(AssertionError, match="score_test"):
        judged(["mlp"], encoder, images, rows, known={"other": known})


# ------------------------------------------------------------------ the epoch


@pytest.mark.parametrize("protocol", ["linear", "mlp", "finetune"])
def test_without_validation_rows_the_last_epoch_is_scored(
    protocol: str, images: ImageSet, encoder: Encoder
) -> None:
    few = split(images, labels=5)
    assert not len(few.val)
    found = judged([protocol], encoder, images, few)[protocol]
    score = found.score
    assert score.epoch == LEARNT.epochs
    assert (score.loss, score.accuracy) == (score.last_loss, score.last_accuracy)
    assert (score.val_loss, score.val_accuracy, score.n_train) == (None, None, 15)
    assert "val_loss" not in set(found.history.metric)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_does_with_a_label_or_two_a_class(
    protocol: str, images: ImageSet, encoder: Encoder
) -> None:
    few = split(images, labels=5 if protocol == "folds" else 1)
    for one in judged([protocol], encoder, images, few).values():
        assert one.score.n_train == len(few.budget)


@pytest.mark.parametrize("protocol", ["linear", "finetune"])
def test_the_last_epoch_is_scored_where_it_is_asked_for(
    protocol: str, easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    # Wrong labels in validation: the more is learnt, the higher the loss there.
    wrong = easy.labels.clone()
    wrong[rows.val] = (wrong[rows.val] + 1) % 3
    images = replace(easy, labels=wrong)
    slower = LEARNT.lr / (10 if protocol == "finetune" else 1)
    longer = replace(LEARNT, lr=slower, epochs=8)
    chosen, last = (
        scored(protocol, encoder, images, rows, training=longer, select=select)
        for select in ("validation", "last")
    )
    assert chosen.epoch is not None
    assert chosen.epoch < 8
    assert last.epoch == 8
    assert (last.loss, last.accuracy) == (chosen.last_loss, chosen.last_accuracy)
    assert last.loss != chosen.loss
    assert last.val_loss is not None  # it was measured all the same
    assert chosen.val_loss is not None
    assert last.val_loss > chosen.val_loss


# ------------------------------------------------------------------ what it trains


def test_frozen_heads_and_fine_tuning_have_a_training_each(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = judge(
        encoder,
        images,
        rows,
        protocols=("linear", "finetune"),
        probe=Training(epochs=2),
        downstream=Training(epochs=3, batch_size=30),
    )
    assert found["linear"].history[["epoch", "step"]].max().tolist() == [2, 4]
    assert found["finetune"].history[["epoch", "step"]].max().tolist() == [3, 9]


class Stop(Exception):
    """Something that ends a process, from outside."""


def test_interrupted_fine_tuning_goes_on_and_frozen_heads_leave_no_file(
    images: ImageSet,
    rows: Split,
    encoder: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    file = tmp_path / "checkpoint.pt"
    judged(["linear", "folds"], encoder, images, rows, checkpoint=file)
    assert not file.exists()
    whole = judged(["finetune"], encoder, images, rows)["finetune"]
    saved = loop.State.save

    def stops(self: Any, *given: Any) -> None:
        saved(self, *given)
        if self.epoch == 3:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.State, "save", stops)
        with pytest.raises(Stop):
            judged(["finetune"], encoder, images, rows, checkpoint=file)
    assert file.exists()
    resumed = judged(["finetune"], encoder, images, rows, checkpoint=file)["finetune"]
    assert same(resumed, whole)


# ------------------------------------------------------------ an encoder of elsewhere


class Foreign(nn.Module):
    """Patches, a hidden layer, a mean: with a normalisation of its own, and frozen."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.3]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.25]).view(3, 1, 1))
        self.patches = nn.Conv2d(3, 24, 4, stride=4)
        self.norm = nn.LayerNorm(24)
        self.mix = nn.Linear(24, 20)
        self.drop = nn.Dropout(0.5)
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches((images - self.mean) / self.std).flatten(2).mT
        return self.mix(self.drop(self.norm(tokens)).relu()).mean(1)


@pytest.fixture
def foreign() -> Foreign:
    torch.manual_seed(0)
    return Foreign()


@pytest.mark.parametrize(
    "protocol", ["linear", "mlp", "knn", "folds", "finetune", "selftrain"]
)
def test_a_frozen_encoder_of_elsewhere_is_judged_and_stays_as_it_is(
    protocol: str, easy: ImageSet, rows: Split, foreign: Foreign
) -> None:
    before = digest(foreign)
    training = replace(LEARNT, epochs=12)
    found = judged([protocol], foreign, easy, rows, training=training)[protocol]
    assert digest(foreign) == before
    assert not any(p.requires_grad for p in foreign.parameters())
    assert found.score.accuracy > 0.9
    if found.classifier is not None:
        given = found.classifier.predict(easy.images[rows.test])
        right = (given.argmax(1) == easy.labels[rows.test]).double().mean()
        assert found.score.accuracy == pytest.approx(right.item())


def test_fine_tuning_thaws_a_copy_of_a_frozen_encoder(
    easy: ImageSet, rows: Split, foreign: Foreign
) -> None:
    found = judged(["finetune", "linear"], foreign, easy, rows)
    tuned, probed = found["finetune"].classifier, found["linear"].classifier
    assert tuned is not None
    assert probed is not None
    given = dict(foreign.named_parameters())
    for name, parameter in tuned.encoder.named_parameters():
        assert not torch.equal(parameter, given[name]), name
    assert torch.equal(tuned.encoder.mean, foreign.mean), "a constant is no weight"
    assert probed.encoder is foreign


def test_an_encoder_that_gives_maps_is_refused(images: ImageSet, rows: Split) -> None:
    with pytest.raises(
        ValueError, match=r"gives features \(B, D\); this one gives \(1, 24, 2, 2\)"
    ):
        judged(["linear"], nn.Conv2d(3, 24, 4, stride=4), images, rows)


def test_an_encoder_of_elsewhere_has_no_layers_to_judge(
    images: ImageSet, rows: Split, foreign: Foreign
) -> None:
    with pytest.raises(ValueError, match="layers are those of sslkit's .* a Foreign"):
        judged(["layers"], foreign, images, rows)


# --------------------------------------------------------------------- a teacher


def test_the_teacher_of_a_method_of_ones_own_is_what_is_judged(
    images: ImageSet, rows: Split
) -> None:
    told: list[Progress] = []
    made = pretrain(
        images,
        Following(),
        backbone="tiny",
        training=Training(lr=1e-2, epochs=3, batch_size=16),
        watch=told.append,
    )
    follower = told[-1].objective
    assert isinstance(follower, Follower)
    fresh = Encoder(EncoderSettings(backbone="tiny", stem="small"))
    fresh.load_state_dict(follower.encoder.state_dict())
    student = copy.deepcopy(follower.student)
    assert digest(fresh) == digest(made.encoder) != digest(student)
    teacher, again, other = (
        judged(["linear", "finetune"], one, images, rows)
        for one in (made.encoder, fresh, student)
    )
    for name in ("linear", "finetune"):
        assert same(teacher[name], again[name])
        assert teacher[name].score.loss != other[name].score.loss


def test_features_that_were_read_are_judged_as_their_encoder_is(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    read = Features(encoder, images)
    known = judge(read, images, rows, protocols=("linear",))
    expected = judge(encoder, images, rows, protocols=("linear",))
    assert known["linear"].score.loss == expected["linear"].score.loss
    assert read.known[rows.test].all(), "they are kept for the next"


def test_features_of_other_images_are_refused(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    others = Features(encoder, replace(images, images=images.images.flip(0)))
    with pytest.raises(ValueError, match="of other images"):
        judge(others, images, rows, protocols=("linear",))
