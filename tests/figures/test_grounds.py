"""One file for a light page and a dark one: legible on both, photographs untouched."""

from __future__ import annotations

import colorsys
import re
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from sslkit.figures import grounds, plots
from sslkit.runs.arms import ARMS

PAGE = "#121212"  # the theme's, in the dark


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21 (WCAG 2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def hue(colour: str) -> float:
    return colorsys.rgb_to_hls(*to_rgb(colour))[0]


@pytest.mark.parametrize("colour", ["black", plots.GREY])
def test_ink_on_a_dark_page_is_as_legible_as_text_must_be(colour):
    assert contrast(grounds.on_dark(colour), PAGE) >= 4.5


@pytest.mark.parametrize("arm", ARMS.values(), ids=lambda arm: arm.name)
def test_an_arm_keeps_its_hue_and_stands_out_on_a_dark_page(arm):
    dark = grounds.on_dark(arm.colour)
    assert contrast(dark, PAGE) >= 3
    if len(set(to_rgb(arm.colour))) > 1:  # grey has no hue
        turned = abs(hue(dark) - hue(arm.colour))
        assert min(turned, 1 - turned) < 0.04


def test_white_becomes_the_page_and_text_on_a_filled_mark_stays_legible():
    assert grounds.on_dark("white") == PAGE
    for ink, mark in (("black", "#DDDDDD"), ("white", "black"), ("black", "#7FD6B8")):
        assert contrast(grounds.on_dark(ink), grounds.on_dark(mark)) >= 3


def drawing() -> Figure:
    figure = Figure(figsize=(3, 2), facecolor="white")
    axes = figure.subplots()
    axes.bar([0, 1], [1, 2], color="#0072B2", hatch="//", edgecolor="#444444")
    axes.imshow(np.full((2, 2, 3), (0.2, 0.7, 0.4)), extent=(0, 1, 0, 1))
    return figure


def test_every_colour_has_its_other_one_and_the_paper_goes():
    text = grounds.svg(drawing())
    root = ElementTree.fromstring(text)
    assert root.get("id") == "dark"
    style, body = text.split("</style>", 1)
    drawn = set(re.findall(r"(?:fill|stroke): #([0-9a-f]{6})", body))
    assert {"000000", "0072b2", "444444", "ffffff"} <= drawn
    for colour in drawn:
        assert f"--{colour}: {grounds.on_dark('#' + colour)}}}" in style
    assert not re.search(r'(fill|stroke)="#', body)  # no rule would find it
    assert ":target #figure_1 > #patch_1 path {fill: none !important}" in style
    assert re.search(r'<g id="figure_1">\s*<g id="patch_1">', body)


def test_a_photograph_is_the_same_on_both_grounds():
    _, body = grounds.svg(drawing()).split("</style>", 1)
    (photograph,) = re.findall(r"<image [^>]*>", body)
    assert "fill" not in photograph
    assert "filter" not in photograph


def test_the_same_figure_is_the_same_bytes():
    with mpl.rc_context({"svg.hashsalt": "a"}):
        assert grounds.svg(drawing()) == grounds.svg(drawing())
