"""A book of a few cells, for the tests of what executes and builds books."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARAMETERS = """\
profile = "quick"  # where these values come from
data = "shapes"  # the images
size = 3  # of the figure, inches
"""


def cell(
    name: str, source: str, *tags: str, kind: str = "code", **metadata: Any
) -> dict:
    """A notebook cell; `name` is its id."""
    made = {
        "cell_type": kind,
        "id": name,
        "metadata": {"tags": list(tags), **metadata},
        "source": source,
    }
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def chapter(*sources: str, **metadata: Any) -> list[dict]:
    """A title, parameters, a code cell for each source; `metadata` is for the last."""
    rest = [cell(f"code-{i}", text) for i, text in enumerate(sources, 1)]
    if metadata:
        rest[-1]["metadata"] |= metadata
    return [
        cell("title", "# A title\n\nWhere $x^2$ is a square.", kind="markdown"),
        cell("parameters", PARAMETERS, "parameters"),
        *rest,
    ]


def write_notebook(path: Path, cells: list[dict]) -> Path:
    """Write the cells as a notebook."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook))
    return path


def write_book(root: Path, chapters: dict[str, list[dict]]) -> Path:
    """A root folder with the project's own configuration and these chapters."""
    (root / "book" / "profiles").mkdir(parents=True)
    (root / "book" / "profiles" / "quick.yaml").write_text("profile: quick\nsize: 2\n")
    (root / "book" / "profiles" / "smoke.yaml").write_text("profile: smoke\nsize: 1\n")
    shutil.copytree(ROOT / "book" / "_assets", root / "book" / "_assets")
    (root / "book" / "references.bib").write_text("")
    (root / "book" / "intro.md").write_text("# The question\n\nSome words.\n")
    (root / "sslkit").mkdir()
    (root / "sslkit" / "__init__.py").write_text("answer = 42\n")
    shutil.copy(ROOT / "_config.yml", root)
    toc = ["format: jb-book", "root: book/intro", "chapters:"]
    for name, cells in chapters.items():
        write_notebook(root / "book" / f"{name}.ipynb", cells)
        toc.append(f"  - file: book/{name}")
    (root / "_toc.yml").write_text("\n".join(toc) + "\n")
    return root
