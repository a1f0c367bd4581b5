"""A figure as SVG for two grounds: light as it is, dark where ``#dark`` is asked for.

A page shows ``figure.svg`` or ``figure.svg#dark``, as its own ground is. One file holds
both, and a viewer that knows nothing of this shows the light one. What is drawn changes
its lightness and keeps its hue; photographs keep all their colours.
"""

from __future__ import annotations

import io
import re

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

DARK, LIGHT = 0x12 / 255, 0.93  # what black and white on a dark page are, of 0 to 1
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # Source: ITU-R BT.709, item 3.2
_DRAWN = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")


def on_dark(colour: str) -> str:
    """The colour that stands on a dark ground for one that was chosen on white.

    What was as dark as ink becomes as light, so that text on a filled mark stays
    legible too. The hue stays; where it cannot be as strong as it was, it pales.

    Args:
        colour: As matplotlib knows it.

    Returns:
        As ``#rrggbb``.
    """
    channels = np.array(to_rgb(colour))
    luma = channels @ _LUMA
    hue = channels - luma
    # At the lightness 1 - luma there is room for luma above and for the rest below.
    excess = max(hue.max() / max(luma, 1e-9), -hue.min() / max(1 - luma, 1e-9), 1)
    mirrored = np.clip(1 - luma + hue / excess, 0, 1)
    return to_hex(DARK + (LIGHT - DARK) * mirrored)


def svg(figure: Figure) -> str:
    """A figure as SVG, the same bytes for the same figure.

    Its white paper is not drawn on a dark ground, so that no card stands around it.
    """
    file = io.StringIO()
    # A date would make other bytes each time.
    figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    # The ground of a hatch is the one colour that matplotlib writes as an attribute.
    text = re.sub(r'fill="(#[0-9a-f]{6})"', r'style="fill: \1"', file.getvalue())
    # Hundredths of a point are enough; what is less than one is the scale of a letter.
    text = re.sub(r"([1-9]\d*\.\d\d)\d{3,}", r"\1", text)
    drawn = sorted(set(_DRAWN.findall(text)))
    # The target of "#dark" is the whole drawing. Variables reach what it uses again, as
    # ticks and hatches, where no selector does. What names no colour is black.
    named = {colour: on_dark(colour) for _, colour in drawn}
    rules = [
        f":target {{fill: {on_dark('black')}}}",
        *(f":target {{--{colour[1:]}: {dark}}}" for colour, dark in named.items()),
        *(
            f'[style*="{part}: {colour}"] '
            f"{{{part}: var(--{colour[1:]}, {colour}) !important}}"
            for part, colour in drawn
        ),
        ":target #figure_1 > #patch_1 path {fill: none !important}",
    ]
    text = text.replace("</style>", "\n" + "\n".join(rules) + "\n</style>", 1)
    return text.replace("<svg ", '<svg id="dark" ', 1)
