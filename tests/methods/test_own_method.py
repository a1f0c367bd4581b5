"""A method of one's own: a frozen dataclass, and a teacher as its encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from methods.made import learn, same
from methods.own import Follower, Following
from torch import nn

from sslkit.images.imageset import ImageSet
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Progress
from sslkit.methods import rotnet


def test_a_method_of_ones_own_is_trained_like_any(images: ImageSet) -> None:
    told: list[Progress] = []
    made = learn(images, Following(), watch=told.append)
    follower = told[-1].objective
    assert isinstance(follower, Follower)
    steps = int(made.history.step.max())
    assert follower.told == pytest.approx([(i + 1) / steps for i in range(steps)])
    loss = made.history.query("metric == 'train_loss'")["value"].tolist()
    assert loss[-1] < loss[0]
    assert same(made, learn(images, Following()))
    other = Following().with_views(rotnet.STILL)
    assert not same(made, learn(images, other))


def test_the_teacher_of_a_method_is_what_pretraining_gives(images: ImageSet) -> None:
    told: list[Progress] = []
    made = learn(images, Following(), watch=told.append)
    follower: Any = told[-1].objective
    assert made.encoder is follower.encoder
    assert not made.encoder.training
    student = dict(follower.student.named_parameters())
    for name, behind in made.encoder.named_parameters():
        assert not torch.equal(behind, student[name])
    # With no momentum at all the teacher is the student, so it was after_step that
    # brought it where it is.
    led: list[Progress] = []
    learn(images, Following(momentum=0.0), watch=led.append)
    both: Any = led[-1].objective
    for behind, ahead in zip(
        both.encoder.parameters(), both.student.parameters(), strict=True
    ):
        torch.testing.assert_close(behind, ahead)


def test_the_teacher_follows_the_path_of_its_student(images: ImageSet) -> None:
    path: list[dict[str, np.ndarray]] = []
    original = Follower.after_step

    class Logged(Follower):
        def after_step(self, progress: float) -> None:
            original(self, progress)
            path.append(
                {
                    n: p.detach().numpy().copy()
                    for n, p in self.student.named_parameters()
                }
            )

    class Logging(Following):
        def objective(self, encoder: Encoder) -> Follower:
            return Logged(encoder, self)

    made = learn(images, Logging())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        start = Encoder(EncoderSettings(backbone="tiny", stem="small"))
    for name, parameter in start.named_parameters():
        wanted = parameter.detach().numpy()
        for student in path:
            wanted = 0.8 * wanted + 0.2 * student[name]
        found = made.encoder.get_parameter(name).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_an_objective_need_not_hold_one_of_the_packages_encoders(
    images: ImageSet,
) -> None:
    class Other(Following):
        def objective(self, encoder: Encoder) -> Any:
            made = Follower(encoder, self)
            made.encoder = nn.Sequential(made.encoder, nn.Identity())
            made.after_step = lambda progress: None
            return made

    made = learn(images, Other())
    assert isinstance(made.encoder, nn.Sequential)
    assert not made.encoder[0].training
