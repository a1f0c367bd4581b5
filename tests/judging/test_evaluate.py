from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging import evaluate as module
from sslkit.judging.evaluate import PROTOCOLS, evaluate
from sslkit.judging.heads import Classifier, Features, settle
from sslkit.judging.scores import Score
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

N_TEST = 300  # no multiple of the 256 that are read at a time
LEARNT = Training(lr=0.02, epochs=6, batch_size=16, schedule="constant")


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """Three classes, told apart, at times, by a brighter channel of their own."""
    generator = torch.Generator().manual_seed(0)
    count = 90 + N_TEST
    labels = torch.randint(3, (count,), generator=generator)
    labels[:90] = torch.arange(90) % 3
    pixels = torch.rand(count, 3, 8, 8, generator=generator) * 200
    pixels[torch.arange(count), labels] += 14
    part = np.repeat(["train", "test"], [90, N_TEST])
    mixed = torch.randperm(count, generator=generator)
    return ImageSet(
        "made",
        pixels.byte()[mixed],
        labels[mixed],
        part[mixed.numpy()],
        ("a", "b", "c"),
    )


@pytest.fixture(scope="module")
def easy(images: ImageSet) -> ImageSet:
    """The same with that channel as bright as can be."""
    pixels = images.images.clone()
    pixels[torch.arange(len(images)), images.labels] = 255
    return replace(images, images=pixels)


@pytest.fixture
def encoder() -> Encoder:
    """An encoder that has seen other images, so that its batch-norm knows something."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings())
    encoder.train()
    with torch.no_grad():
        for _ in range(20):
            encoder(torch.rand(16, 3, 8, 8))
    return encoder  # left in train mode: an evaluation must not rely on its mode


@pytest.fixture
def rows(images: ImageSet) -> Split:
    return split(images, 1.0)


def judged(
    protocols: Sequence[str],
    features: Features,
    rows: Split,
    *,
    seed: int = 0,
    training: Training = LEARNT,
) -> dict[str, tuple[Score, pd.DataFrame]]:
    return evaluate(
        protocols,
        features,
        rows,
        augmentation=Augmentation(crop=(0.5, 1.0), jitter=0.0, greyscale=0.0),
        probe=training,
        downstream=training,
        seed=seed,
        fabric=Fabric(accelerator="cpu", devices=1),
    )


def judge(protocol: str, features: Features, rows: Split, **changes: Any) -> Score:
    return judged([protocol], features, rows, **changes)[protocol][0]


def test_heads_that_learn_at_once_learn_what_each_learns_alone(
    images: ImageSet, encoder: Encoder, rows: Split
) -> None:
    def of(*protocols: str) -> dict[str, tuple[Score, pd.DataFrame]]:
        return judged(protocols, Features(encoder, images), rows, seed=3)

    together = of("mlp", "knn", "linear")
    assert list(together) == ["mlp", "knn", "linear"]
    for name in ("linear", "mlp"):
        score, history = of(name)[name]
        assert replace(together[name][0], seconds=0) == replace(score, seconds=0)
        pd.testing.assert_frame_equal(
            *(
                h.sort_values(["metric", "epoch"], ignore_index=True)
                for h in (together[name][1], history)
            )
        )
    epochs = {name: score.epoch for name, (score, _) in together.items()}
    assert epochs["linear"] != epochs["mlp"]  # each was selected by its own loss


def digest(encoder: nn.Module) -> str:
    sha = hashlib.sha256()
    for name, tensor in encoder.state_dict().items():
        sha.update(name.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


def untouched(encoder: Encoder, images: ImageSet, rows: Tensor) -> Tensor:
    """The features of a copy in eval mode, all rows in one batch."""
    with torch.no_grad():
        return copy.deepcopy(encoder).eval()(images.images[rows] / 255)


class Watched:
    """What ``fit`` was given and left behind, and the order of events around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, set[int]]] = []
        self.objective: nn.Module
        self.fitted: Fitted
        self.last: dict[str, Tensor]
        image_take, feature_take = ImageSet.take, Features.take
        knn_fit = KNeighborsClassifier.fit

        def take_images(images: ImageSet, rows: Tensor) -> tuple[Tensor, Tensor]:
            self.events.append(("images", rows.tolist()))
            return image_take(images, rows)

        def take_features(features: Features, rows: Tensor) -> tuple[Tensor, Tensor]:
            self.events.append(("features", rows.tolist()))
            return feature_take(features, rows)

        def fit_and_watch(
            objective: nn.Module, source: Any, rows: Tensor, **rest: Any
        ) -> Fitted:
            self.objective = objective
            self.events.append(("fit", rows.tolist()))
            self.fitted = fit(objective, source, rows, **rest)
            self.last = copy.deepcopy(objective.state_dict())
            self.events.append(("fitted", []))
            return self.fitted

        def fit_neighbours(knn: KNeighborsClassifier, *given: NDArray) -> Any:
            fitted = knn_fit(knn, *given)
            self.events.append(("fitted", []))
            return fitted

        monkeypatch.setattr(ImageSet, "take", take_images)
        monkeypatch.setattr(Features, "take", take_features)
        monkeypatch.setattr(module, "fit", fit_and_watch)
        monkeypatch.setattr(KNeighborsClassifier, "fit", fit_neighbours)

    def reads(self, rows: Tensor, source: str) -> list[tuple[int, list[int]]]:
        """When and which of these rows were read."""
        wanted = set(rows.tolist())
        return [
            (when, [row for row in read if row in wanted])
            for when, (what, read) in enumerate(self.events)
            if what == source and wanted & set(read)
        ]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


# ---------------------------------------------------------------- frozen or not


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_protocol_changes_the_encoder_not_even_its_batch_norm(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    before = digest(encoder)
    judge(protocol, Features(encoder, images), rows)
    assert digest(encoder) == before
    assert all(p.grad is None for p in encoder.parameters())


def test_fine_tuning_trains_a_copy_whole_with_its_batch_norm(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    given = copy.deepcopy(encoder.state_dict())
    judge("finetune", Features(encoder, images), rows)
    tuned = watched.objective.encoder
    assert tuned is not encoder
    unchanged = [k for k, v in tuned.state_dict().items() if torch.equal(v, given[k])]
    assert not unchanged


def test_frozen_heads_learn_from_the_features_of_the_encoder_in_eval_mode(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found, labels = Features(encoder, images).take(rows.train)
    torch.testing.assert_close(found, untouched(encoder, images, rows.train))
    assert torch.equal(labels, images.labels[rows.train])
    assert not found.requires_grad


def test_features_are_computed_once_a_row_in_any_order_and_with_repeats(
    images: ImageSet, encoder: Encoder
) -> None:
    encoded: list[int] = []
    encoder.net.register_forward_pre_hook(
        lambda _m, given: encoded.append(len(given[0]))
    )
    features = Features(encoder, images)
    for asked in ([5, 3, 380], [3, 4], list(range(len(images))), [7, 7, 3]):
        found, labels = features.take(torch.tensor(asked))
        wanted = untouched(encoder, images, torch.tensor(asked))
        encoded.pop()  # the oracle's own
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        assert torch.equal(labels, images.labels[asked])
    assert sum(encoded) == len(images)
    assert max(encoded) <= 256


def test_protocols_share_one_reading_of_the_images(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    features = Features(encoder, images)
    for protocol in ("linear", "mlp", "knn"):
        judge(protocol, features, rows)
    read = Counter(
        row for what, some in watched.events if what == "images" for row in some
    )
    assert set(read.values()) == {1}
    assert len(read) == len(images)


# -------------------------------------------------------------- the test images


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_test_images_are_read_only_after_everything_is_learnt_and_chosen(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judge(protocol, Features(encoder, images), rows)
    fitted = [i for i, (what, _) in enumerate(watched.events) if what == "fitted"]
    assert len(fitted) == (6 if protocol == "folds" else 1)
    source = "images" if protocol == "finetune" else "features"
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


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_test_images_are_scored_once_a_protocol(
    protocol: str,
    images: ImageSet,
    rows: Split,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored, score = [], module.test
    monkeypatch.setattr(
        module, "test", lambda *given, **rest: scored.append(1) or score(*given, **rest)
    )
    judge(protocol, Features(encoder, images), rows)
    assert scored == [1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_test_image_counts_with_the_incomplete_batch(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    score = judge(protocol, Features(encoder, images), rows)
    assert score.n_test == N_TEST
    truth = np.bincount(images.labels[rows.test], minlength=3)
    assert np.sum(score.confusion, axis=1).tolist() == truth.tolist()
    expected = rows.budget if protocol == "folds" else rows.train
    assert score.n_train == len(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_labels_of_test_images_decide_nothing_but_the_score(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    wrong = images.labels.clone()
    wrong[rows.test] = (wrong[rows.test] + 1) % 3
    scores = [
        judge(protocol, Features(encoder, some), rows)
        for some in (images, replace(images, labels=wrong))
    ]
    predicted = [np.asarray(score.confusion) for score in scores]
    assert (predicted[1] == np.roll(predicted[0], 1, axis=0)).all()
    assert scores[0].epoch == scores[1].epoch


def test_folds_hold_every_image_of_the_budget_out_once_and_train_on_all_at_last(
    images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    score = judge("folds", Features(encoder, images), rows)
    budget = set(rows.budget.tolist())
    *folds, last = [set(read) for what, read in watched.events if what == "fit"]
    assert last == budget
    assert len(folds) == 5
    held = Counter(row for fold in folds for row in budget - fold)
    assert set(held) == budget
    assert set(held.values()) == {1}
    assert score.val_loss is None
    labels = images.labels
    for fold in folds:  # of every class a fifth
        counts = np.bincount(labels[sorted(budget - fold)], minlength=3)
        assert counts.tolist() == [6, 6, 6]


def test_folds_take_the_epoch_of_the_lowest_loss_over_all_five(
    images: ImageSet, rows: Split, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def kept(*given: Any, **rest: Any) -> Fitted:
        fitted = fit(*given, **rest)
        made.append((fitted, rest["validation"]))
        return fitted

    monkeypatch.setattr(module, "fit", kept)
    score = judge("folds", Features(encoder, images), rows)
    losses = np.zeros(LEARNT.epochs)
    for fitted, held in made[:5]:
        own = fitted.history.query("metric == 'val_folds_loss'").sort_values("epoch")
        losses += len(held) * own["value"].to_numpy()
    assert score.epoch == 1 + losses.argmin()
    last, validation = made[5]
    assert validation is None
    assert last.history["epoch"].max() == score.epoch


def test_groups_are_never_in_two_folds(images: ImageSet, rows: Split) -> None:
    names = np.array([f"g{label}{i % 10}" for i, label in enumerate(images.labels)])
    grouped = replace(images, groups=names)
    for held in module._folds(grouped, rows.budget, 0):
        inside = set(names[rows.budget[held]])
        assert not inside & set(names[rows.budget[~held]])


def test_a_settled_encoder_has_the_statistics_of_its_images_and_its_old_weights(
    images: ImageSet, rows: Split
) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings())
    weights = {name: p.clone() for name, p in encoder.named_parameters()}
    before = Features(encoder, images).take(rows.train)[0]
    settle(encoder, images, rows.train)  # one batch
    after = Features(encoder, images).take(rows.train)[0]
    with torch.no_grad():  # of the batch itself, as in training
        expected = copy.deepcopy(encoder).train()(images.images[rows.train] / 255)
    # Running variances are unbiased, a batch's own are not.
    torch.testing.assert_close(after, expected, rtol=0.02, atol=0.02)
    assert after.norm(dim=1).mean() > 3 * before.norm(dim=1).mean()
    assert not encoder.training
    assert all(torch.equal(p, weights[name]) for name, p in encoder.named_parameters())
    momenta = {m.momentum for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)}
    assert momenta == {0.1}


@pytest.mark.parametrize("layer", ["layer1", "layer2", "layer3"])
def test_a_layer_is_judged_by_its_own_features(
    layer: str, images: ImageSet, encoder: Encoder
) -> None:
    features = Features(encoder, images, layer)
    found, _ = features.take(torch.arange(40))
    with torch.no_grad():
        expected = encoder.eval().layers(images.images[:40] / 255)[layer]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert features.dim == expected.shape[1]


def test_a_score_keeps_what_its_epoch_had_on_the_validation_images(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    for protocol in ("linear", "finetune"):
        found = judged([protocol], Features(encoder, images), rows)
        score, history = found[protocol]
        losses = history.query("metric == 'val_loss'")["value"]
        assert score.val_loss == losses.min()
        there = history.query(f"epoch == {score.epoch} and metric == 'val_accuracy'")
        assert score.val_accuracy == there["value"].item()
    assert judge("knn", Features(encoder, images), rows).val_loss is None


@pytest.mark.parametrize("protocol", ["linear", "mlp", "finetune"])
def test_training_labels_train_and_validation_labels_only_choose(
    protocol: str, images: ImageSet, rows: Split, encoder: Encoder, watched: Watched
) -> None:
    judge(protocol, Features(encoder, images), rows)
    learnt = dict(watched.events)["fit"]
    assert learnt == rows.train.tolist()
    assert not set(learnt) & set(rows.val.tolist())
    losses = watched.fitted.history
    losses = losses[losses.metric == "val_loss"].value.tolist()
    assert list(watched.fitted.epochs.values()) == [int(np.argmin(losses)) + 1]


# -------------------------------------------------------------------- the score


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
    score = judge(protocol, Features(encoder, images), rows, training=longer)
    assert [score.epoch] == list(watched.fitted.epochs.values())
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


def test_a_score_is_what_scikit_learn_makes_of_the_same_answers(
    images: ImageSet, rows: Split
) -> None:
    rng = np.random.default_rng(0)
    truth = images.labels[rows.test].numpy()
    sure = rng.dirichlet([1, 1, 1], size=N_TEST) + 0.3 * np.eye(3)[truth]
    sure /= sure.sum(1, keepdims=True)
    other = rng.dirichlet([2, 1, 1], size=N_TEST)
    score = module.test(
        lambda asked: (torch.from_numpy(sure), torch.from_numpy(other)),
        images,
        rows,
        epoch=3,
    )
    answers = sure.argmax(1)
    assert score.accuracy == pytest.approx(metrics.accuracy_score(truth, answers))
    assert score.loss == pytest.approx(-np.log(sure[range(N_TEST), truth]).mean())
    assert score.confusion == metrics.confusion_matrix(truth, answers).tolist()
    recall = metrics.recall_score(truth, answers, average=None)
    assert score.recall == pytest.approx(recall)
    balanced = metrics.balanced_accuracy_score(truth, answers)
    assert score.macro_recall == pytest.approx(balanced)
    commonest = DummyClassifier(strategy="most_frequent").fit(truth, truth)
    assert score.majority == pytest.approx(commonest.score(truth, truth))
    last = metrics.accuracy_score(truth, other.argmax(1))
    assert score.last_accuracy == pytest.approx(last)
    assert score.last_loss == pytest.approx(-np.log(other[range(N_TEST), truth]).mean())
    assert (score.epoch, score.n_test, score.n_train) == (3, N_TEST, len(rows.train))
    assert score.low < score.accuracy < score.high


def test_heads_learn_what_the_features_tell(
    easy: ImageSet, rows: Split, encoder: Encoder
) -> None:
    for protocol in PROTOCOLS:
        score = judge(protocol, Features(encoder, easy), rows)
        assert score.accuracy > 0.95, protocol


def test_the_seed_decides_a_score_and_torchs_global_seed_does_not(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    found = []
    for seed, unrelated in ((1, 0), (1, 99), (2, 0)):
        torch.manual_seed(unrelated)
        score = judge("mlp", Features(encoder, images), rows, seed=seed)
        found.append(replace(score, seconds=0))
    assert found[0] == found[1]
    assert found[0].loss != found[2].loss


def test_an_unknown_protocol_is_refused_with_the_known_ones(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    with pytest.raises(
        ValueError, match="'svm' is not one of linear, mlp, finetune, knn"
    ):
        judge("svm", Features(encoder, images), rows)


# ------------------------------------------------------------------- neighbours


def brute_force(
    known: NDArray, labels: NDArray, asked: NDArray, neighbours: int
) -> NDArray[np.float64]:
    """Shares of the votes, each weighted by one over the cosine distance."""
    votes = np.zeros((len(asked), 3))
    for query, row in zip(asked.astype(float), votes, strict=True):
        lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(query)
        distance = 1 - (known @ query) / lengths
        for index in np.argsort(distance)[:neighbours]:
            row[labels[index]] += 1 / distance[index]
    return votes / votes.sum(1, keepdims=True)


@pytest.mark.parametrize("fraction", [0.2, 1.0])  # 18 labels; 10 of 72
def test_neighbours_vote_by_cosine_as_a_brute_force_search_does(
    fraction: float, images: ImageSet, encoder: Encoder
) -> None:
    # Distances between features of a random encoder are small, and one in float32
    # is the difference of numbers near 1: so features are spread out first.
    torch.manual_seed(1)
    encoder.net.add_module("spread", nn.BatchNorm1d(128, affine=False))
    encoder.train()
    with torch.no_grad():
        for _ in range(50):
            encoder(images.images[:90] / 255)
    rows = split(images, fraction)
    score = judge("knn", Features(encoder, images), rows)
    known = untouched(encoder, images, rows.train).double().numpy()
    asked = untouched(encoder, images, rows.test).double().numpy()
    truth = images.labels[rows.test].numpy()
    shares = brute_force(known, images.labels[rows.train].numpy(), asked, 10)
    answers = shares.argmax(1)
    assert score.confusion == metrics.confusion_matrix(truth, answers).tolist()
    assert score.accuracy == pytest.approx(np.mean(answers == truth))
    tiny = np.finfo(float).eps
    loss = -np.log(shares[range(N_TEST), truth].clip(tiny)).mean()
    assert score.loss == pytest.approx(loss, rel=1e-3)
    assert score.epoch is None
    assert (score.last_accuracy, score.last_loss) == (score.accuracy, score.loss)


def test_fewer_labels_than_neighbours_are_all_asked(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    few = torch.cat([rows.train[images.labels[rows.train] == c][:2] for c in (0, 1)])
    score = judge("knn", Features(encoder, images), replace(rows, train=few))
    assert score.n_test == N_TEST
    assert np.sum(score.confusion, axis=0)[2] == 0, "no one votes for an unknown class"
    assert score.recall[2] == 0


def test_a_known_image_is_its_own_nearest_neighbour(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    score = judge("knn", Features(encoder, images), replace(rows, test=rows.train))
    assert score.accuracy == 1


# -------------------------------------------------------------------- intervals


@pytest.mark.parametrize(("count", "right"), [(50, 31), (200, 170), (1000, 333)])
def test_the_interval_over_images_is_the_binomial_one(count: int, right: int) -> None:
    correct = np.arange(count) < right
    low, high = module.test_set_interval(correct)
    exact = binom.ppf([0.025, 0.975], count, right / count) / count
    # 2000 resamples: the ends waver by about a tenth of the deviation
    deviation = np.sqrt(right * (count - right) / count**3)
    assert abs(low - exact[0]) <= 0.25 * deviation + 1 / count
    assert abs(high - exact[1]) <= 0.25 * deviation + 1 / count


def test_the_interval_over_groups_counts_groups_and_not_images() -> None:
    # 40 groups of 10 images, right or wrong together: 40 coins, not 400.
    groups = np.repeat(np.arange(40), 10).astype(str)
    correct = np.repeat(np.arange(40) < 30, 10)
    low, high = module.test_set_interval(correct, groups)
    exact = binom.ppf([0.025, 0.975], 40, 0.75) / 40
    assert low == pytest.approx(exact[0], abs=1 / 40 + 1e-9)
    assert high == pytest.approx(exact[1], abs=1 / 40 + 1e-9)
    narrow = module.test_set_interval(correct)
    assert high - low > 2.5 * (narrow[1] - narrow[0])


def test_groups_of_one_image_change_nothing_but_the_order_of_chance() -> None:
    correct = np.random.default_rng(0).random(300) < 0.7
    alone = np.array([f"g{i:03d}" for i in range(300)])
    assert module.test_set_interval(correct, alone) == module.test_set_interval(correct)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        groups = np.repeat(np.arange(60), rng.integers(1, 6, size=60))
        chance = rng.beta(6, 2, size=60)[groups]  # 75 %, the same within a group
        low, high = module.test_set_interval(rng.random(len(groups)) < chance, groups)
        held += low <= 0.75 <= high
    assert held >= 51  # of 60; 57 expected, 51 or fewer with a chance below 1 %


@pytest.mark.parametrize(
    ("correct", "groups", "wanted"),
    [
        ([True] * 9, None, 1.0),
        ([False] * 9, None, 0.0),
        ([True, True, False], ["g"] * 3, 2 / 3),
        ([True], None, 1.0),
        ([True, False] * 6, [f"g{i // 2}" for i in range(12)], 0.5),
    ],
)
def test_without_anything_to_resample_the_interval_is_the_accuracy(
    correct: list[bool], groups: list[str] | None, wanted: float
) -> None:
    given = None if groups is None else np.array(groups)
    found = module.test_set_interval(np.array(correct), given)
    assert found == pytest.approx((wanted, wanted))


def test_a_score_is_given_with_the_interval_over_the_sets_own_groups(
    images: ImageSet, rows: Split
) -> None:
    truth = images.labels[rows.test].numpy()
    whose = np.arange(N_TEST) // 30  # ten groups, each right or wrong as a whole
    answers = np.where(whose < 6, truth, (truth + 1) % 3)
    sure = torch.from_numpy(np.eye(3)[answers] * 0.9 + 0.1 / 3)
    groups = np.full(len(images), "train")
    groups[rows.test.numpy()] = [f"g{number}" for number in whose]
    widths = []
    for some in (images, replace(images, groups=groups)):
        score = module.test(lambda asked: (sure, sure), some, rows, epoch=None)
        assert score.accuracy == pytest.approx(0.6)
        widths.append(score.high - score.low)
    assert widths[1] > 3 * widths[0]


# -------------------------------------------------------------- the classifier


def test_a_classifier_sees_random_views_only_while_it_learns(images: ImageSet) -> None:
    classifier = Classifier(nn.Identity(), nn.Identity(), Augmentation())
    some, draw = images.images[:5], RandomNumbers(0, 0, size=5)
    (plain,) = classifier.eval().views(some, draw)
    assert torch.equal(plain, some / 255)
    (view,) = classifier.train().views(some, draw)
    assert not torch.equal(view, plain)
    unchanged = Classifier(nn.Identity(), nn.Identity(), None).train()
    assert torch.equal(unchanged.views(some, draw)[0], plain)
