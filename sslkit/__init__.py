"""How much are unlabelled images worth when labels are scarce? The book's package.

The names below are imported when first used (PEP 562), so ``import sslkit`` is light.
Everything else is imported from its room, as in ``from sslkit.study import tables``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslkit.folder.studying import study_folder
    from sslkit.images.imageset import ImageSet
    from sslkit.images.loading import load
    from sslkit.images.splits import Split, split
    from sslkit.judging.judge import judge
    from sslkit.methods.pretraining import pretrain
    from sslkit.runs.from_profile import recipe
    from sslkit.runs.recipes import Recipe
    from sslkit.runs.records import Run
    from sslkit.runs.running import run

_HOME = {
    "ImageSet": "images.imageset",
    "load": "images.loading",
    "Split": "images.splits",
    "split": "images.splits",
    "judge": "judging.judge",
    "pretrain": "methods.pretraining",
    "Recipe": "runs.recipes",
    "recipe": "runs.from_profile",
    "Run": "runs.records",
    "run": "runs.running",
    "study_folder": "folder.studying",
}
ROOMS = (
    "images",
    "views",
    "learning",
    "methods",
    "judging",
    "runs",
    "study",
    "figures",
    "folder",
)
"""The folders of the package, each of which imports only those before it."""

__all__ = [
    "ImageSet",
    "Recipe",
    "Run",
    "Split",
    "judge",
    "load",
    "pretrain",
    "recipe",
    "run",
    "split",
    "study_folder",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"sslkit.{_HOME[name]}"), name)
    if name in ROOMS:
        return import_module(f"sslkit.{name}")
    raise AttributeError(f"module 'sslkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *ROOMS, "__version__"})
