"""A method of one's own, as a user would write it: a student, and a teacher behind it.

What is judged is the teacher: weights that follow the student's, a little each step.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.learning.encoders import Encoder
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


@dataclass(frozen=True, kw_only=True)
class Following:
    tag: ClassVar[str] = "tests.following"

    momentum: float = 0.8
    augmentation: Augmentation = Augmentation()

    @property
    def name(self) -> str:
        return "following"

    def objective(self, encoder: Encoder) -> Follower:
        return Follower(encoder, self)

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Following:
        return replace(self, augmentation=first)

    def chance(self, batch: int) -> float | None:
        return None


class Follower(nn.Module):
    def __init__(self, student: Encoder, settings: Following) -> None:
        super().__init__()
        self.settings = settings
        self.student = student
        self.encoder = copy.deepcopy(student).requires_grad_(False)
        self.predictor = nn.Linear(student.dim, student.dim)
        self.told: list[float] = []

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        how = self.settings.augmentation
        return [augment.view(images, how, random) for _ in range(2)]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            wanted = self.encoder(views[1])
        guess = self.predictor(self.student(views[0]))
        return {"loss": 1 - F.cosine_similarity(guess, wanted).mean()}

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        self.told.append(progress)
        pairs = zip(self.encoder.parameters(), self.student.parameters(), strict=True)
        for behind, ahead in pairs:
            behind.lerp_(ahead, 1 - self.settings.momentum)
