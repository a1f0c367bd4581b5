"""The images of a grid, the arms of the study, and how often each is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sslkit.runs.from_profile import recipe
from sslkit.runs.recipes import Recipe
from sslkit.study.cells import FEW

# The study's, frozen: a method that somebody adds changes no grid of it.
PRETRAINED = ("rotnet", "rotnet-jitter", "simclr")
ARMS = ("supervised", "supervised-plain", "random", *PRETRAINED)

# Of the study: how many draws at each share of the labels, and supervised training's
# further shares.
DRAWS = {0.05: 10, 0.25: 5, 0.5: 3, 1.0: 3}
CURVE = (0.025, 0.1, 0.15, 0.35, 0.75)
CURVE_DRAWS = 3
FACTOR_DRAWS = 5  # at the share ``FEW``, where single factors are changed
SEEDS = 3  # a draw, to tell draws from seeds
SEEDS_OF = ("supervised", "rotnet-jitter", "simclr")

# Share and draw of every cell in which the amount of unlabelled images is changed: the
# study had its other organ at all of its shares.
MORE = (0.25, 0.5)
AMOUNTS_AT = [(FEW, draw) for draw in range(FACTOR_DRAWS)]
AMOUNTS_AT += [(share, draw) for draw in range(CURVE_DRAWS) for share in MORE]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Which images a grid is about; the arguments of ``sslkit.recipe`` of that name.

    Attributes:
        profile: Where every value comes from that the grid does not set.
        data: A built-in set or a folder; the profile's if not given.
        image_size: Side in pixels.
        groups: Pattern or CSV column of what belongs together.
        test: Where the test images come from.
        limit: At most this many images a class.
        bits: How many bits the values in files of 16 bits use, if not as many as they
            seem to.
        on_error: What to do with a file that cannot be read.
    """

    profile: str = "quick"
    data: str | None = None
    image_size: int | None = None
    groups: str | None = None
    test: Literal["given", "image", "group"] = "given"
    limit: int | None = None
    bits: int | None = None
    on_error: Literal["raise", "skip"] = "raise"

    def recipe(
        self,
        arm: str,
        *,
        fraction: float,
        draw: int,
        seed: int | None = None,
        init: str | None = None,
        schedule: Literal["cosine", "constant"] = "cosine",
        variant: str = "base",
    ) -> Recipe:
        """The recipe of an arm; each draw has a seed of the same number."""
        return recipe(
            arm,
            profile=self.profile,
            data=self.data,
            image_size=self.image_size,
            groups=self.groups,
            test=self.test,
            limit=self.limit,
            bits=self.bits,
            on_error=self.on_error,
            fraction=fraction,
            draw=draw,
            seed=draw if seed is None else seed,
            init=init,
            schedule=schedule,
            variant=variant,
        )
