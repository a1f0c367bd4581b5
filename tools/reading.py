"""A Sphinx extension: nothing stands between the reader and the idea.

Parameters, the values that papermill injected and the set-up fold into one line at the
place of the first; the code of a figure folds into a line below it; a reference to a
chapter says its name without the explanation after the colon.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SETTINGS, CODE = "settings of this page", "code"


class FoldedCells(SphinxPostTransform):
    """Folds what a chapter does not want to be read first."""

    default_priority = 198  # MyST-NB folds at 199, under a bar above each cell
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Fold the settings, then the code of every cell with a tag to hide it."""
        cells = [c for c in self.document.findall(nodes.container) if is_cell(c)]
        for cell in cells:
            if "tag_parameters" in cell["classes"]:
                fold_settings(cell)
        for cell in cells:
            if cell.parent is not None and cell.get("hide_mode"):
                fold_code(cell)


class ShortReferences(SphinxPostTransform):
    """Lets a reference to a chapter say the chapter's title up to the colon."""

    default_priority = 198  # at 10, Sphinx gives references the whole title
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Shorten those that say a page's title; other words an author chose."""
        titles = {title.astext() for title in self.env.titles.values()}
        for reference in self.document.findall(nodes.reference):
            said = reference.astext()
            if reference.get("internal") and said in titles and ":" in said:
                reference[0][:] = [nodes.Text(said.partition(":")[0])]


def fold_settings(first: nodes.container) -> None:
    """Fold the code of the parameters, and of what belongs to them, into one line."""
    cells = [first, *takewhile(_is_set_up, _following(first))]
    codes = [cell.pop(0) for cell in cells]
    parent = first.parent
    place = parent.index(first)
    parent[place:place] = _details(SETTINGS, codes)
    for cell in cells:
        cell.attributes.pop("hide_mode", None)
        if not cell.children:  # else it shows something, and stays
            parent.remove(cell)


def fold_code(cell: nodes.container) -> None:
    """Fold the code of a cell below what it shows.

    If it shows nothing, and another folded cell comes next, the two share a line: its
    code goes there. If what it shows is hidden as well, all of it is folded.
    """
    mode = cell.attributes.pop("hide_mode")
    after = next(_following(cell), None)
    if not _shows(cell) and after is not None and after.get("hide_mode"):
        after[0][:0] = cell[0].children
        cell.parent.remove(cell)
    elif mode == "input":
        code = cell.pop(0)
        cell.extend(_details(CODE, [code]))
    else:
        cell[:] = _details(CODE, cell.children)


def is_cell(node: nodes.Node) -> bool:
    """Whether this is a cell of code, as MyST-NB makes it: its source, its output."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _following(cell: nodes.container) -> Iterator[nodes.container]:
    """The cells of code that come after one without a word between."""
    after = cell.parent[cell.parent.index(cell) + 1 :]
    return takewhile(is_cell, after)


def _is_set_up(cell: nodes.container) -> bool:
    """Whether a cell after the parameters only prepares what comes."""
    if "tag_injected-parameters" in cell["classes"]:
        return True
    if cell.get("hide_mode"):
        return not _shows(cell)
    return bool(re.search("^(import|from) ", cell[0].astext(), re.MULTILINE))


def _shows(cell: nodes.container) -> bool:
    return cell[-1].get("nb_element") == "cell_code_output"


def _details(name: str, inside: list[nodes.Node]) -> list[nodes.Node]:
    start = f'<details class="quiet"><summary>{name}</summary>'
    box = nodes.container("", *inside, classes=["cell"])
    return [
        nodes.raw("", start, format="html"),
        box,
        nodes.raw("", "</details>", format="html"),
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls. Pages are made anew when this file changes."""
    app.add_post_transform(FoldedCells)
    app.add_post_transform(ShortReferences)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return {"env_version": version, "parallel_read_safe": True}
