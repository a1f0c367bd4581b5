"""What a method's settings must be; a class of a user's own will do."""

from __future__ import annotations

from typing import ClassVar, Protocol

from sslkit.learning.encoders import Encoder
from sslkit.learning.objective import Objective
from sslkit.views.augment import Augmentation


class Settings(Protocol):
    """All that decides a method: a frozen dataclass of plain values.

    Attributes:
        tag: Names the class in recipes, records and keys. It must never change, nor be
            another's.
    """

    tag: ClassVar[str]

    @property
    def name(self) -> str:
        """What tables call it; several settings of one class may have several names."""

    def objective(self, encoder: Encoder) -> Objective:
        """The objective that trains ``encoder`` with these settings.

        Its ``encoder`` is what is judged and saved: the one given, or a teacher of it.
        """

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Settings:
        """The same with other random views: of both sides, or of each its own."""

    def chance(self, batch: int) -> float | None:
        """The loss of a guess with ``batch`` images, in nats; ``None`` if none is."""
