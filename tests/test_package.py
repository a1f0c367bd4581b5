"""The package as a whole: light to import, its public face, its order of modules."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sslkit

PACKAGE = Path(sslkit.__file__).parent
# DESIGN.md, "The way of the data": a module imports only those before it. What is not
# in that table stands beside what it serves: files, shapes and sources give data their
# images, records are what runs keep, tables what plots show.
ORDER = (
    "devices",
    "files",
    "pixels",
    "shapes",
    "sources",
    "parts",
    "data",
    "splits",
    "draws",
    "augment",
    "encoders",
    "distributed",
    "methods",
    "batches",
    "checkpoints",
    "train",
    "scores",
    "heads",
    "evaluate",
    "profiles",
    "recipes",
    "keys",
    "records",
    "workers",
    "runs",
    "costs",
    "grids",
    "tables",
    "contrasts",
    "readout",
    "plots",
    "diagnostics",
    "forest",
    "comparisons",
    "claims",
    "speed",
    "widgets",
    "__main__",
)
ANYTHING = (
    "plots",
    "diagnostics",
    "forest",
    "comparisons",
    "claims",
    "speed",
    "widgets",
    "__main__",
)  # they may import each other, too
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """The module of sslkit, or the package in it, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Full names of all that a file imports, wherever in the file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def modules_after(code: str) -> set[str]:
    """Top-level names in sys.modules after some code in a fresh process."""
    tail = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_sslkit_imports_nothing_heavy() -> None:
    found = modules_after("import sslkit; dir(sslkit); sslkit.__version__")
    assert "sslkit" in found
    heavy = {"torch", "torchvision", "lightning", "numpy", "pandas", "scipy", "sklearn"}
    assert not found & (heavy | {"matplotlib", "seaborn", "ipywidgets", "IPython"})


def test_images_and_recipes_need_no_training_statistics_or_figures() -> None:
    """What takes seconds to import is imported when it is used."""
    code = "import sslkit; sslkit.load('shapes', limit=2); sslkit.recipe('simclr')"
    found = modules_after(f"{code}; sslkit.augment, sslkit.split, sslkit.run")
    assert "torch" in found
    assert not found & {"lightning", "scipy", "sklearn", "matplotlib", "ipywidgets"}


def test_what_the_design_calls_the_public_face_is_there() -> None:
    for name in ("load", "split", "recipe", "run"):
        assert inspect.isfunction(getattr(sslkit, name))
    for name in ("ImageSet", "Split", "Recipe", "Run"):
        assert inspect.isclass(getattr(sslkit, name))
    assert inspect.isfunction(sslkit.methods.simclr.nt_xent)
    assert inspect.isfunction(sslkit.methods.rotnet.rotation_loss)


def test_the_public_face_works_as_the_design_shows_it() -> None:
    images = sslkit.load("shapes", limit=20)
    split = sslkit.split(images, fraction=0.5, draw=0)
    roles = [set(rows.tolist()) for rows in (split.train, split.val, split.test)]
    assert set.union(*roles[:2]) == set(split.budget.tolist())
    assert set(split.budget.tolist()) <= set(split.pool.tolist())
    assert sum(map(len, roles)) == len(set.union(*roles))
    recipe = sslkit.recipe("rotnet", data="shapes", fraction=0.05, draw=0, seed=0)
    assert isinstance(recipe, sslkit.Recipe)


def test_every_name_that_sslkit_offers_is_there() -> None:
    assert set(sslkit.__all__) <= set(dir(sslkit))
    for name in dir(sslkit):
        assert getattr(sslkit, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sslkit.no_such_name


def test_sslkit_offers_all_of_its_modules() -> None:
    modules = {module_of(path) for path in SOURCES} - {"__init__", "__main__"}
    inside = {"checkpoints", "devices", "files", "parts", "pixels", "sources"}
    assert modules - set(dir(sslkit)) <= inside


def test_names_offered_lazily_are_those_that_type_checkers_see() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (seen,) = (node for node in tree.body if isinstance(node, ast.If))
    names = {
        alias.name: node.module
        for node in seen.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(names) == set(sslkit.__all__)
    for name, module in names.items():
        assert getattr(import_module(str(module)), name) is getattr(sslkit, name)


def test_every_module_has_its_place_in_the_order() -> None:
    assert {module_of(path) for path in SOURCES} - {"__init__"} <= set(ORDER)


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_imports_only_modules_before_it(path: Path) -> None:
    own = module_of(path)
    if own == "__init__":
        return
    place = ORDER.index(own)
    for name in imports(path):
        first, *rest = name.split(".")
        if first != "sslkit" or rest[0] == own:
            continue
        assert ORDER.index(rest[0]) < place or own in ANYTHING, f"{path}: {name}"


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_module_imports_the_tools_of_the_book(path: Path) -> None:
    others = {"benchmarks", "book", "tests", "tools"}
    assert not {name.split(".")[0] for name in imports(path)} & others


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 500
