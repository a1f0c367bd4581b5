"""What can be trained: an encoder with views and a loss."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from sslkit.views.random_numbers import RandomNumbers


class Objective(Protocol):
    """What ``fit`` trains: a method, or the classifier. Also an ``nn.Module``."""

    @property
    def encoder(self) -> nn.Module:
        """What is judged and exported."""

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """Views of a batch, on its device; ``self.training`` says which kind."""

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """``"loss"`` and metrics, scalars. The loss is in here for DDP's sake."""

    def after_step(self, progress: float) -> None:
        """Called after each step with the share of steps done, in (0, 1]."""
