"""How much are unlabelled images worth when labels are scarce? The book's package.

The names below are imported when first used (PEP 562), so ``import sslkit`` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslkit.data import ImageSet, load
    from sslkit.recipes import Recipe, recipe
    from sslkit.records import Run
    from sslkit.runs import run
    from sslkit.splits import Split, split

_HOME = {
    "ImageSet": "data",
    "load": "data",
    "Split": "splits",
    "split": "splits",
    "Recipe": "recipes",
    "recipe": "recipes",
    "Run": "records",
    "run": "runs",
}
_MODULES = (
    "augment",
    "batches",
    "claims",
    "comparisons",
    "contrasts",
    "costs",
    "data",
    "diagnostics",
    "distributed",
    "draws",
    "encoders",
    "evaluate",
    "forest",
    "grids",
    "heads",
    "keys",
    "methods",
    "plots",
    "profiles",
    "readout",
    "recipes",
    "records",
    "runs",
    "scores",
    "shapes",
    "speed",
    "splits",
    "tables",
    "train",
    "widgets",
    "workers",
)

__all__ = ["ImageSet", "Recipe", "Run", "Split", "load", "recipe", "run", "split"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"sslkit.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"sslkit.{name}")
    raise AttributeError(f"module 'sslkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})
