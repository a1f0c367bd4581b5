"""Scores: what scikit-learn makes of the same answers, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.made import N_TEST
from scipy.stats import binom, binomtest
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging import scores as module


def test_a_score_is_what_scikit_learn_makes_of_the_same_answers(
    images: ImageSet, rows: Split
) -> None:
    rng = np.random.default_rng(0)
    truth = images.labels[rows.test].numpy()
    sure = rng.dirichlet([1, 1, 1], size=N_TEST) + 0.3 * np.eye(3)[truth]
    sure /= sure.sum(1, keepdims=True)
    other = rng.dirichlet([2, 1, 1], size=N_TEST)
    score = module.score_test(
        lambda asked: (torch.from_numpy(sure), torch.from_numpy(other)),
        images,
        rows,
        epoch=3,
    )
    answers = sure.argmax(1)
    assert score.accuracy == pytest.approx(metrics.accuracy_score(truth, answers))
    assert score.loss == pytest.approx(-np.log(sure[range(N_TEST), truth]).mean())
    assert score.confusion == metrics.confusion_matrix(truth, answers).tolist()
    assert score.predicted == tuple(answers.tolist())
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


@pytest.mark.parametrize("right", [0, 9])
@pytest.mark.parametrize("each", [1, 4])
def test_of_answers_that_are_all_alike_the_interval_is_the_exact_one(
    right: int, each: int
) -> None:
    correct = np.repeat(np.arange(9) < right, each)
    found = module.test_set_interval(correct, np.arange(9 * each) // each)
    assert found == pytest.approx(tuple(binomtest(right, 9).proportion_ci()))


def test_groups_that_are_each_half_right_are_as_many_coins() -> None:
    correct, groups = np.arange(12) % 2 == 0, np.arange(12) // 2
    found = module.test_set_interval(correct, groups)
    assert found == pytest.approx(tuple(binomtest(3, 6).proportion_ci()))


def test_one_group_has_no_interval(images: ImageSet, rows: Split) -> None:
    assert module.test_set_interval(np.array([True, True, False]), np.zeros(3)) is None
    person = replace(images, groups=np.full(len(images), "one"))
    score = random_score(person, rows)
    assert (score.low, score.high) == (None, None)
    assert 0 < score.accuracy < 1


def random_score(images: ImageSet, rows: Split) -> module.Score:
    sure = np.random.default_rng(0).dirichlet([1, 1, 1], size=len(rows.test))
    answer = torch.from_numpy(sure)
    return module.score_test(lambda asked: (answer, answer), images, rows, epoch=None)


def test_a_class_without_test_images_has_no_recall_and_does_not_count(
    images: ImageSet, rows: Split
) -> None:
    test = rows.test[images.labels[rows.test] != 1]
    score = random_score(images, replace(rows, test=test))
    first, none, last = score.recall
    assert np.isnan(none)
    assert score.macro_recall == pytest.approx((first + last) / 2)


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
        score = module.score_test(lambda asked: (sure, sure), some, rows, epoch=None)
        assert score.accuracy == pytest.approx(0.6)
        widths.append(score.high - score.low)
    assert widths[1] > 3 * widths[0]
