"""The study's grid on a few scenes."""

from __future__ import annotations

import pytest

from sslkit.runs.recipes import Data, Recipe
from sslkit.study import grids
from sslkit.study.images import Images


@pytest.fixture(scope="session")
def study() -> list[Recipe]:
    """Every recipe of the study, with a warm start and another source."""
    images = Images(profile="study-small", data="shapes")
    other = Data(name="shapes", limit=30)
    return list(grids.study(images, start="warm.safetensors", other=other))
