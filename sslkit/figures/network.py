"""The network in the page: encoders that run in a reader's browser.

What is returned shows still what the scripts ``toys/network.js`` and
``toys/network-page.js`` bring to life in a page of the book. The encoders are made by
the book's own tooling, beside a manifest that ties them to their records.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from IPython.display import HTML
from PIL import Image

from sslkit.figures.live import missing
from sslkit.runs.arms import arm_of

FOLDER = "_assets/network"
CREDIT = (
    "Photographs: Acevedo and others, Data in Brief 30 (2020) 105474, CC BY 4.0; cut "
    "and reduced to 32 pixels."
)
_ABSENT = (
    "Here encoders would run in the page. This copy of the book has none, as "
    f"{FOLDER}/manifest.json is not there; python -m tools.page_network --store STORE "
    "makes them from a store of runs."
)


def folder() -> Path | None:
    """Where the encoders are, below the working folder or one right below that."""
    places = [Path(), *sorted(path for path in Path().glob("*") if path.is_dir())]
    found = (place / FOLDER for place in places)
    return next((path for path in found if (path / "manifest.json").exists()), None)


def neighbours() -> HTML:
    """Cells that lie nearest to a cell by each encoder; pick another, or drop one."""
    return _toy("neighbours", _neighbours)


def turns() -> HTML:
    """What RotNet says of a turned scene and of a turned cell; turn others."""
    return _toy("turns", _turns)


def _neighbours(manifest: dict[str, Any], sheet: Image.Image) -> tuple[str, str]:
    """The still figure and its caption."""
    classes, cells = manifest["classes"], manifest["cells"]
    asked = classes[manifest["queries"][0]]
    rows = []
    for name, nearest in manifest["still"]["nearest"].items():
        same = sum(cells[row] == manifest["queries"][0] for row in nearest)
        images = "".join(
            _image(_cut(sheet, manifest, row), classes[cells[row]]) for row in nearest
        )
        rows.append(
            f'<tr data-encoder="{name}"><th scope="row">'
            f"{html.escape(arm_of(name).label)} "
            f'<span class="network-share">{same} of {len(nearest)}</span></th>'
            f"<td>{images}</td></tr>"
        )
    query = _image(_cut(sheet, manifest, len(cells)), asked)
    return (
        f'<div class="network-asked">{query}<span>A cell of the test images: '
        f"<b>{asked}</b></span></div>"
        '<table class="network-rows"><thead><tr><th scope="col">encoder, how many of '
        'its kind</th><th scope="col">nearest training cells</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>",
        f"Of {len(cells)} training cells, those whose features point most nearly the "
        f"same way as the features of one test cell, by four encoders. {CREDIT}",
    )


def _turns(manifest: dict[str, Any], sheet: Image.Image) -> tuple[str, str]:
    """The still figure and its caption."""
    cells = len(manifest["cells"])
    starts = {
        "scene": ("rotnet-shapes", cells + len(manifest["queries"])),
        "cell": ("rotnet", cells),
    }
    parts = []
    for kind, (name, start) in starts.items():
        turned = manifest["still"]["turned"][name]
        said, upright = turned["shares"], _cut(sheet, manifest, start + turned["place"])
        columns = "".join(
            f"<td>{_image(upright.rotate(90 * turn), f'{kind} at {90 * turn}°')}"
            f"{_shares(shares, turn)}</td>"
            for turn, shares in enumerate(said)
        )
        told = f"RotNet tells {100 * manifest['encoders'][name]['told']:.0f} % of turns"
        parts.append(
            f'<tbody><tr><th scope="rowgroup" colspan="{len(said)}">'
            f"{kind.capitalize()}s: {told}</th></tr><tr>{columns}</tr></tbody>"
        )
    return (
        f'<table class="network-turns">{"".join(parts)}</table>',
        "RotNet's four probabilities for one scene and one cell, each shown at four "
        "turns, counter-clockwise; the true turn stands bold. A scene has an up. A "
        "blood cell has none: what is told of its turns beyond a guess's one in four "
        "comes with the smear and the photograph. The heads were learnt anew on "
        f"RotNet's features; shares are of test images at all four turns. {CREDIT}",
    )


def _toy(
    kind: str, draw: Callable[[dict[str, Any], Image.Image], tuple[str, str]]
) -> HTML:
    """A figure that the page's script finds by its class, with all it must know."""
    where = folder()
    if where is None:
        return missing(_ABSENT)
    manifest: dict[str, Any] = json.loads((where / "manifest.json").read_text())
    still, caption = draw(manifest, Image.open(where / "sheet.jpg"))
    labels = {name: arm_of(name).label for name in manifest["among"]}
    known = html.escape(json.dumps(manifest | {"labels": labels}))
    return HTML(
        f'<figure class="network" data-toy="{kind}" data-manifest="{known}">'
        f'{still}<figcaption><p><span class="caption-text">{html.escape(caption)}'
        "</span></p></figcaption></figure>"
    )


def _cut(sheet: Image.Image, manifest: dict[str, Any], place: int) -> Image.Image:
    """One image of the sheet of cells."""
    side, columns = manifest["side"], manifest["columns"]
    left, top = place % columns * side, place // columns * side
    return sheet.crop((left, top, left + side, top + side))


def _image(picture: Image.Image, alt: str) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img class="network-image dark-light" alt="{html.escape(alt)}" '
        f'src="data:image/png;base64,{data}">'
    )


def _shares(shares: Iterable[float], true: int) -> str:
    """Four probabilities as lines with a bar behind each."""
    lines = [
        f'<li style="--share: {share:.3f}"{" data-true" if turn == true else ""}>'
        f"{90 * turn}° <span>{100 * share:.0f} %</span></li>"
        for turn, share in enumerate(shares)
    ]
    return f'<ul class="network-shares">{"".join(lines)}</ul>'
