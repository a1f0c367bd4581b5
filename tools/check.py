"""What a chapter may hold, what an executed copy must show, what a page may ask for.

Every function returns a list of sentences, one a problem: empty means good.
"""

from __future__ import annotations

import ast
import gzip
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from IPython.core.inputtransformer2 import TransformerManager

from tools import BookError

Cell = dict[str, Any]

# Widgets whose callbacks run in the kernel: nbclient can wait for ever on such a cell
# (nbclient issues 311 and 312), and on a page without a kernel they do nothing.
KERNEL_WIDGETS = {
    "Output",
    "interact",
    "interactive",
    "interactive_output",
    "interact_manual",
}
LONGEST_CELL = 30
HEAVIEST_PAGE = 1.5  # megabytes
TEXT = {".html", ".svg"}


def read(notebook: Path) -> list[Cell]:
    """The cells of a notebook file, each source as one string."""
    cells: list[Cell] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def tags(cell: Cell) -> list[str]:
    """The tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def parameters(cells: list[Cell]) -> dict[str, Any]:
    """Names and defaults of the cell tagged `parameters`.

    Raises:
        BookError: If there is no such cell, more than one, or one with anything but
            assignments of plain literals.
    """
    found = [cell["source"] for cell in cells if "parameters" in tags(cell)]
    if len(found) != 1:
        raise BookError(f"{len(found)} cells are tagged `parameters`: it takes one")
    values: dict[str, Any] = {}
    for statement in ast.parse(found[0]).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                raise BookError(
                    "in the `parameters` cell, this is no assignment to a name: "
                    + ast.unparse(statement)
                )
        try:
            values[name] = ast.literal_eval(value)
        except ValueError as error:
            raise BookError(f"the parameter {name} is no plain literal") from error
    return values


def source(cells: list[Cell]) -> list[str]:
    """What would make a chapter fail or hang in a build."""
    problems = []
    try:
        parameters(cells)
    except (BookError, SyntaxError) as error:
        problems.append(str(error))
    for number, tree in _trees(cells):
        names = {name for node in ast.walk(tree) for name in _names(node)}
        problems += [
            f"cell {number}: `{name}` needs a kernel and can hang the build; "
            "join widgets with `jslink` instead"
            for name in sorted(names & KERNEL_WIDGETS)
        ]
    return problems


def style(cells: list[Cell]) -> list[str]:
    """Where a chapter leaves the rules that all chapters keep."""
    problems = []
    headings = [_headings(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    if sum(headings) != 1 or not headings[0] or cells[0]["cell_type"] != "markdown":
        problems.append(f"{sum(headings)} first-level headings; one, in the first cell")
    counts = Counter(cell.get("id") for cell in cells)
    problems += [
        f"cell id {name!r} stands {n} times" for name, n in counts.items() if n > 1
    ]
    if None in counts:
        problems.append("cells without an id")
    for number, cell in enumerate(cells, 1):
        lines = cell["source"].count("\n") + 1
        if lines > LONGEST_CELL:
            problems.append(f"cell {number}: {lines} lines, over {LONGEST_CELL}")
        if cell.get("outputs") or cell.get("execution_count"):
            problems.append(f"cell {number}: has outputs or an execution count")
        if cell["cell_type"] == "code":
            folded = "hide-input" in tags(cell)
            found = _code(cell["source"], folded=folded)
            problems += [f"cell {number}: {text}" for text in found]
        if "parameters" in tags(cell):
            problems += [f"cell {number}: {t}" for t in _comments(cell["source"])]
    return problems


def _trees(cells: list[Cell]) -> Iterator[tuple[int, ast.Module]]:
    """Number and syntax tree of every code cell, magics turned into calls."""
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            plain = TransformerManager().transform_cell(cell["source"])
            try:
                yield number, ast.parse(plain)
            except SyntaxError:
                continue  # executing it says so, with the line


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return [name]
        case ast.ImportFrom(names=aliases):
            return [alias.name for alias in aliases]
        case _:
            return []


def _headings(markdown: str) -> int:
    """How many first-level headings the text has, outside fenced blocks."""
    bare = re.sub(r"^ *(```+|:::+|~~~+).*?^ *\1 *$", "", markdown, flags=re.M | re.S)
    return len(re.findall(r"^# ", bare, flags=re.M))


def _code(text: str, *, folded: bool) -> list[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ["a magic, a shell line, or no valid Python"]
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            problems.append(f"star import of {node.module}")
        if folded and isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            problems.append("defines a function in a folded cell; sslkit computes")
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            problems.append("calls IPython")
        if isinstance(node, ast.If | ast.IfExp | ast.While) and _on_profile(node.test):
            problems.append("branches on the profile: profiles change values alone")
        if isinstance(node, ast.Match) and _on_profile(node.subject):
            problems.append("branches on the profile: profiles change values alone")
    return problems


def _on_profile(test: ast.expr) -> bool:
    from sslkit.runs.profiles import PROFILES  # torch, a second

    nodes = list(ast.walk(test))
    return any(
        (isinstance(n, ast.Name) and n.id in {*PROFILES, "profile"})
        or (isinstance(n, ast.Constant) and n.value in PROFILES)
        for n in nodes
    )


def _comments(text: str) -> list[str]:
    """Parameters without a comment beside or above them."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {t.start[0] for t in tokens if t.type == tokenize.COMMENT}
    return [
        f"no comment on `{ast.unparse(node)}`"
        for node in ast.parse(text).body
        if not lines & {node.lineno - 1, node.lineno, node.end_lineno}
    ]


def executed(notebook: dict[str, Any]) -> list[str]:
    """What an executed copy lacks: cells that ran, figures with alt text."""
    problems = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        where = f"cell {number} of the executed copy (id {cell.get('id')})"
        skipped = not cell["source"].strip() or "skip-execution" in tags(cell)
        if cell.get("execution_count") is None and not skipped:
            problems.append(f"{where} never ran")
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if data.keys() == {"text/plain"} and _is_figure(data["text/plain"]):
                problems.append(
                    f"{where} prints a figure's size and does not draw it: call "
                    "sslkit.figures.plots.style() before"
                )
            if output["output_type"] == "error":
                problems.append(f"{where} ended in {output['ename']}")
            if any(kind.startswith("image/") for kind in data) and not alt.strip():
                problems.append(
                    f"{where} draws a figure without alt text: give the cell the "
                    'metadata {"mystnb": {"image": {"alt": "what is to be seen"}}}'
                )
            elif _images_without_alt("".join(data.get("text/html", ""))):
                problems.append(f"{where} shows an <img> without alt text")
    kind = "application/vnd.jupyter.widget-state+json"
    states = notebook["metadata"].get("widgets", {}).get(kind, {}).get("state", {})
    for model in states.values():
        value = model["state"].get("value")
        if model["model_name"] == "OutputModel":
            problems.append("an Output widget needs a kernel and can hang the build")
        if model["model_name"] == "ImageModel":
            problems.append("an Image widget has no alt text: use HTML with an <img>")
        if isinstance(value, str) and _images_without_alt(value):
            problems.append("a widget shows an <img> without alt text")
    return problems


def pages(html: Path, documents: list[str]) -> list[str]:
    """What the finished pages lack, or ask of another host."""
    problems = []
    for name in documents:
        page = html / f"{name}.html"
        if not page.exists():
            problems.append(f"{name}: no page was built")
            continue
        parser = _Page()
        parser.feed(page.read_text(encoding="utf-8"))
        problems += [f"{name}: {text}" for text in parser.problems]
        megabytes = sum(map(sent, {page, *parser.files(page)})) / 1e6
        if megabytes > HEAVIEST_PAGE:
            problems.append(
                f"{name}: weighs {megabytes:.2f} MB with its images, over "
                f"{HEAVIEST_PAGE}: draw fewer or smaller ones, or divide the page"
            )
    return problems


def _is_figure(plain: str | list[str]) -> bool:
    return "".join(plain).startswith("<Figure size")


def sent(file: Path) -> int:
    """Bytes that a reader is sent for a file of a page: servers compress text."""
    content = file.read_bytes()
    return len(gzip.compress(content) if file.suffix in TEXT else content)


def _images_without_alt(html: str) -> bool:
    parser = _Page()
    parser.feed(html)
    return any("alt text" in text for text in parser.problems)


class _Page(HTMLParser):
    """Collects images, those without alt text, and addresses on other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.images: set[str] = set()  # their addresses

    def files(self, page: Path) -> set[Path]:
        """The files of the images, as seen from a page."""
        names = {unquote(address.partition("#")[0]) for address in self.images}
        paths = {(page.parent / name).resolve() for name in names}
        return {path for path in paths if path.is_file()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        alt = given.get("alt", "").strip()
        # Sphinx writes the file's path where an author wrote nothing.
        address = given.get("src", "")
        if tag == "img" and (not alt or re.search(r"_images/|\.(png|jpe?g|svg)$", alt)):
            self.problems.append(f"an image without alt text: {address[:80]}")
        if tag == "img" and not address.startswith("data:"):
            self.images.add(address)
        if tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            address = given.get("href", "")
        if re.match(r"(https?:)?//", address):
            self.problems.append(f"asks another host: <{tag}> {address}")
