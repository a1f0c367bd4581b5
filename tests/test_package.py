"""The package as a whole: light to import, its public face, its rooms."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sslkit

PACKAGE = Path(sslkit.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


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
    found = modules_after(f"{code}; sslkit.views, sslkit.split, sslkit.run")
    assert "torch" in found
    assert not found & {"lightning", "scipy", "sklearn", "matplotlib", "ipywidgets"}


def test_what_the_design_calls_the_public_face_is_there() -> None:
    for name in ("load", "split", "pretrain", "judge", "recipe", "run"):
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


def test_the_rooms_are_the_folders_of_the_package() -> None:
    folders = {path.parent.name for path in SOURCES} - {PACKAGE.name}
    assert folders == {*sslkit.ROOMS}


def test_a_map_of_the_rooms_stands_in_contributing() -> None:
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    rows = dict(re.findall(r"^\| `sslkit/(\w+)/` \|([^|]*)\|", text, re.MULTILINE))
    assert tuple(rows) == sslkit.ROOMS
    for room, row in rows.items():
        named = set(re.findall(r"`(\w+)`", row))
        there = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
        if room == "methods":  # a new method need not touch the map
            there &= named | {"pretraining", "settings"}
        assert named == there, room


def test_the_api_lists_every_module_once() -> None:
    text = (PACKAGE.parent / "book/api.md").read_text()
    listed = re.findall(r"automodule:: ([\w.]+)", text)
    modules = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in SOURCES
        if path.stem not in ("__init__", "__main__")
    }
    assert sorted(listed) == sorted({*modules, "sslkit.methods"})


def test_an_upward_import_breaks_the_order_of_the_rooms(tmp_path: Path) -> None:
    """The contract of pyproject.toml, on a copy in which views know the judging."""
    shutil.copytree(PACKAGE, tmp_path / "sslkit")
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    check = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]

    def rooms() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            check, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": "."}
        )

    assert rooms().returncode == 0
    planted = tmp_path / "sslkit/views/pieces.py"
    planted.write_text(f"import sslkit.judging.scores\n{planted.read_text()}")
    broken = rooms()
    assert broken.returncode == 1
    assert "sslkit.views.pieces -> sslkit.judging.scores" in broken.stdout


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
    assert lines <= 320
