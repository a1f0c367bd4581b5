"""Self-training: which images a network labels, and that it reads no other label."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from judging.made import digest, judged
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging import selftraining
from sslkit.judging.cases import Judged
from sslkit.judging.classifier import Classifier
from sslkit.learning import loop
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training

SHORT = Training(lr=3e-3, epochs=6, steps=60, batch_size=16)


@pytest.fixture
def rows(easy: ImageSet) -> Split:
    """Thirty labels, six of which choose the epoch; the pool has sixty more images."""
    return split(easy, labels=10)


@pytest.fixture(autouse=True)
def three_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftraining, "THRESHOLD", 0.6)
    monkeypatch.setattr(selftraining, "ROUNDS", 3)


class Round:
    """What ``fit`` was given in a round, and what it left."""

    def __init__(self, given: Classifier, source: ImageSet, rows: Tensor) -> None:
        self.start = copy.deepcopy(given)
        self.source, self.rows = source, rows
        self.labels = source.labels[rows]
        self.fitted: Fitted

    def taught(self) -> Classifier:
        """The network that labels images for the next round."""
        made = copy.deepcopy(self.start)
        made.load_state_dict(self.fitted.selected)
        return made.eval()


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[Round]:
    seen: list[Round] = []

    def watched(given: Any, source: Any, rows: Tensor, **rest: Any) -> Fitted:
        seen.append(Round(given, source, rows))
        seen[-1].fitted = fit(given, source, rows, **rest)
        return seen[-1].fitted

    monkeypatch.setattr(selftraining, "fit", watched)
    return seen


def trained(
    encoder: Encoder,
    images: ImageSet,
    rows: Split,
    *,
    protocol: str = "selftrain",
    training: Training = SHORT,
    **rest: Any,
) -> Judged:
    found = judged([protocol], encoder, images, rows, training=training, **rest)
    return found[protocol]


def assert_same(one: Judged, other: Judged) -> None:
    """To the last bit, but for the time it took."""
    assert replace(one.score, seconds=0) == replace(other.score, seconds=0)
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    assert one.classifier is not None
    assert other.classifier is not None
    assert digest(one.classifier) == digest(other.classifier)


def pseudo_labels(found: Judged) -> list[int]:
    """How many in each round."""
    counts = found.history.query("metric == 'pseudo_labels'")["value"]
    return counts[counts.shift() != counts].astype(int).tolist()


# -------------------------------------------------------------- labels that it reads


def shuffled(images: ImageSet, rows: Tensor) -> ImageSet:
    """The same images with the labels of these rows in another order."""
    labels = images.labels.clone()
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    labels[rows] = labels[rows][order]
    assert (labels != images.labels).sum() > len(rows) / 3
    return replace(images, labels=labels)


def test_labels_outside_the_budget_decide_nothing_to_the_last_bit(
    easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    train = easy.rows("train")
    outside = train[~torch.isin(train, rows.budget)]
    found = trained(encoder, easy, rows)
    assert pseudo_labels(found)[-1] > 0, "else nothing could have been read"
    assert_same(found, trained(encoder, shuffled(easy, outside), rows))


@pytest.mark.parametrize("part", ["train", "val"])
def test_the_labels_of_the_budget_do_decide(
    part: str, easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = trained(encoder, easy, rows).history
    other = trained(encoder, shuffled(easy, getattr(rows, part)), rows).history
    assert not found.equals(other)


def test_what_trains_is_shown_no_label_but_the_budgets_and_its_own(
    easy: ImageSet, rows: Split, encoder: Encoder, rounds: list[Round]
) -> None:
    trained(encoder, easy, rows)
    assert len(rounds) == 3
    for one in rounds:
        labels = one.source.labels
        assert torch.equal(labels[rows.budget], easy.labels[rows.budget])
        told = torch.cat([rows.budget, one.rows])
        assert set((labels >= 0).nonzero().flatten().tolist()) == set(told.tolist())
        hidden = torch.isin(torch.arange(len(easy)), told).logical_not()
        assert (labels[hidden] == -1).all()


def test_neither_validation_nor_test_images_are_labelled(
    easy: ImageSet, rows: Split, encoder: Encoder, rounds: list[Round]
) -> None:
    trained(encoder, easy, rows)
    free = set(rows.unlabelled.tolist()) - set(rows.budget.tolist())
    first, *others = rounds
    assert first.rows.tolist() == rows.train.tolist()
    for one in others:
        added = one.rows[len(rows.train) :].tolist()
        assert one.rows[: len(rows.train)].tolist() == rows.train.tolist()
        assert len(set(added)) == len(added) > 0
        assert set(added) <= free


# ------------------------------------------------------------ images that it labels


def surest_by_hand(probabilities: Tensor, threshold: float) -> dict[int, int]:
    """Labels by image, with loops."""
    guesses: dict[int, list[tuple[float, int]]] = {
        label: [] for label in range(probabilities.shape[1])
    }
    for image, row in enumerate(probabilities.tolist()):
        if max(row) > threshold:
            guesses[row.index(max(row))].append((-max(row), image))
    each = min(map(len, guesses.values()))
    return {
        image: label
        for label, some in guesses.items()
        for _, image in sorted(some)[:each]
    }


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_the_surest_are_as_many_a_class_as_the_rarest_has_above_the_threshold(
    seed: int, threshold: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(150, 4, generator=generator, dtype=torch.float64)
    probabilities = (logits + torch.tensor([0.0, 0.5, 1.0, -1.0])).softmax(1)
    which, labels = selftraining.surest(probabilities, threshold)
    assert which.tolist() == sorted(which.tolist())
    found = dict(zip(which.tolist(), labels.tolist(), strict=True))
    assert found == surest_by_hand(probabilities, threshold)
    counts = torch.bincount(labels, minlength=4)
    assert len(set(counts.tolist())) == 1
    assert counts[0] > 0


def test_a_class_of_which_no_image_is_sure_leaves_all_without_labels() -> None:
    sure = torch.tensor([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.3, 0.3, 0.4]])
    assert [len(part) for part in selftraining.surest(sure, 0.5)] == [0, 0]
    assert selftraining.surest(sure, 0.39)[1].tolist() == [0, 1, 2]
    assert [len(part) for part in selftraining.surest(sure[:0], 0.5)] == [0, 0]


def test_of_equally_sure_images_the_first_are_taken() -> None:
    sure = torch.tensor([[0.8, 0.2]] * 3 + [[0.2, 0.8]] + [[0.9, 0.1]])
    which, labels = selftraining.surest(sure, 0.5)
    assert (which.tolist(), labels.tolist()) == ([3, 4], [1, 0])
    which, _ = selftraining.surest(sure[:4], 0.5)
    assert which.tolist() == [0, 3]


def test_each_round_learns_what_the_network_before_it_is_sure_of(
    easy: ImageSet, rows: Split, encoder: Encoder, rounds: list[Round]
) -> None:
    found = trained(encoder, easy, rows)
    free = rows.unlabelled[~torch.isin(rows.unlabelled, rows.budget)]
    counts = [0]
    for one, after in zip(rounds, rounds[1:], strict=False):
        with torch.no_grad():
            logits = one.taught()([easy.images[free] / 255])["logits"]
        expected = surest_by_hand(logits.double().softmax(1), 0.6)
        added = after.rows[len(rows.train) :]
        given = after.labels[len(rows.train) :]
        places = {int(row): place for place, row in enumerate(free)}
        said = {
            places[int(row)]: int(label)
            for row, label in zip(added, given, strict=True)
        }
        assert said == expected
        assert len(set(torch.bincount(given, minlength=3).tolist())) == 1
        counts.append(len(said))
    assert counts[1] > 0
    assert pseudo_labels(found) == list(dict.fromkeys(counts))


# ------------------------------------------------------------------ rounds and steps


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The share of a training that each of its steps ended with."""
    shares: list[float] = []
    monkeypatch.setattr(
        Classifier, "after_step", lambda _, progress: shares.append(progress)
    )
    return shares


@pytest.mark.parametrize(
    "training",
    [
        SHORT,
        replace(SHORT, epochs=7, steps=40),  # 7 x 6 steps
        replace(SHORT, epochs=2, steps=9),
        replace(SHORT, epochs=1, steps=4),
        Training(lr=1e-3, epochs=4, batch_size=10),  # passes over 24 labels
    ],
)
def test_all_rounds_together_have_the_steps_of_supervised_training(
    training: Training,
    easy: ImageSet,
    rows: Split,
    encoder: Encoder,
    stepped: list[float],
) -> None:
    supervised = trained(
        encoder, easy, rows, protocol="finetune", training=training
    ).history
    whole = len(stepped)
    stepped.clear()
    found = trained(encoder, easy, rows, training=training).history
    assert len(stepped) == whole
    assert stepped.count(1.0) == min(3, training.epochs), "a schedule a round"
    columns = ["epoch", "step"]
    pd.testing.assert_frame_equal(
        found.loc[found["metric"] == "val_loss", columns].reset_index(drop=True),
        supervised.loc[supervised["metric"] == "val_loss", columns].reset_index(
            drop=True
        ),
    )
    assert not found.duplicated(["epoch", "metric"]).any()


@pytest.mark.parametrize(
    ("epochs", "lengths"), [(6, [2, 2, 2]), (7, [2, 2, 3]), (8, [2, 3, 3]), (2, [1, 1])]
)
def test_epochs_are_divided_and_the_last_rounds_have_the_more(
    epochs: int, lengths: list[int]
) -> None:
    whole = Training(lr=0.5, warmup=0.1, epochs=epochs, batch_size=5)
    made = selftraining.parts(whole, 12, 3)
    assert [(one.epochs, one.steps) for one in made] == [(n, 3 * n) for n in lengths]
    for one in made:
        assert replace(one, epochs=epochs, steps=None) == whole


def test_every_round_starts_from_the_encoder_that_is_judged_with_a_head_of_the_seed(
    easy: ImageSet, rows: Split, encoder: Encoder, rounds: list[Round]
) -> None:
    before = digest(encoder)
    trained(encoder, easy, rows, seed=4)
    assert digest(encoder) == before
    heads = {digest(one.start.head) for one in rounds}
    assert len(heads) == 1
    for one in rounds:
        assert digest(one.start.encoder) == before
        assert one.start.encoder is not encoder
        assert all(p.requires_grad for p in one.start.parameters())


def test_where_nobody_is_sure_the_last_round_is_supervised_training_of_its_length(
    easy: ImageSet,
    rows: Split,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selftraining, "THRESHOLD", 1.0)
    found = trained(encoder, easy, rows)
    third = replace(SHORT, epochs=2, steps=20)
    alone = trained(encoder, easy, rows, protocol="finetune", training=third)
    assert pseudo_labels(found) == [0]
    last = found.history.query("epoch > 4 and metric != 'pseudo_labels'")
    last = last.assign(epoch=last["epoch"] - 4, step=last["step"] - 40)
    history = last.reset_index(drop=True)
    assert alone.score.epoch is not None
    score = replace(alone.score, epoch=4 + alone.score.epoch)
    assert_same(replace(found, history=history), replace(alone, score=score))
    assert found.history["step"].max() == 60


def test_where_all_labels_are_known_it_is_supervised_training(
    easy: ImageSet, encoder: Encoder
) -> None:
    rows = split(easy, 1.0)
    found = trained(encoder, easy, rows)
    alone = trained(encoder, easy, rows, protocol="finetune")
    history = found.history.query("metric != 'pseudo_labels'").reset_index(drop=True)
    assert_same(replace(found, history=history), alone)


def test_an_interrupted_round_goes_on_and_no_file_is_left(
    easy: ImageSet,
    rows: Split,
    encoder: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    whole = trained(encoder, easy, rows)
    file, saved, files = tmp_path / "checkpoint.pt", loop.State.save, set()

    class Stop(Exception):
        """Something that ends a process, from outside."""

    def stops(self: Any, path: Path, *rest: Any) -> None:
        saved(self, path, *rest)
        files.add(path)
        if len(files) == 2:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.State, "save", stops)
        with pytest.raises(Stop):
            trained(encoder, easy, rows, checkpoint=file)
    assert len(files) == len(list(tmp_path.iterdir())) == 2
    done: list[int] = []
    monkeypatch.setattr(Classifier, "after_step", lambda *_: done.append(1))
    assert_same(trained(encoder, easy, rows, checkpoint=file), whole)
    assert len(done) == 10 + 10 + 20, "the last epochs of two rounds, and the third"
    assert not list(tmp_path.iterdir())


def test_fine_tuning_and_self_training_do_not_take_each_others_checkpoint(
    easy: ImageSet,
    rows: Split,
    encoder: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    both = judged(
        ["finetune", "selftrain"],
        encoder,
        easy,
        rows,
        training=SHORT,
        checkpoint=tmp_path / "checkpoint.pt",
    )
    for protocol, found in both.items():
        assert_same(found, trained(encoder, easy, rows, protocol=protocol))


# ------------------------------------------------------------------- what it is worth


def faint(seed: int) -> ImageSet:
    """Three classes of noise, each with a somewhat brighter channel of its own."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(420) % 3
    pixels = torch.rand(420, 3, 8, 8, generator=generator) * 160
    pixels[torch.arange(420), labels] += 30
    return ImageSet.of(pixels.byte(), labels, test=torch.arange(120, 420))


@pytest.fixture(scope="module")
def worth() -> list[tuple[Judged, Judged]]:
    """Supervised and self-training with two labels a class, as long, three times."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selftraining, "THRESHOLD", 0.8)
        patch.setattr(selftraining, "ROUNDS", 3)
        for seed in range(3):
            images = faint(seed)
            torch.manual_seed(seed)
            both = judged(
                ["finetune", "selftrain"],
                Encoder(EncoderSettings()),
                images,
                split(images, labels=2),
                training=replace(SHORT, epochs=12, steps=120),
                seed=seed,
            )
            found.append((both["finetune"], both["selftrain"]))
    return found


def test_where_what_it_is_sure_of_is_right_it_beats_supervised_training(
    worth: list[tuple[Judged, Judged]],
) -> None:
    gains = [own.score.accuracy - alone.score.accuracy for alone, own in worth]
    assert min(gains) > 0.02
    assert sum(gains) / len(gains) > 0.05


def test_a_score_counts_true_labels_alone_and_epochs_through_all_rounds(
    worth: list[tuple[Judged, Judged]], easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    for _, own in worth:
        assert own.score.n_train == 6
        assert own.score.epoch == own.history["epoch"].max() == 12
        assert own.score.val_loss is None
    found = trained(encoder, easy, rows)
    assert found.score.n_train == 24
    last = found.history.query("epoch > 4 and metric == 'val_loss'")
    assert found.score.val_loss == last["value"].min()
    assert found.score.epoch == last.set_index("epoch")["value"].idxmin()
