"""Figures that a script of the page makes alive, where joined widgets cannot.

They hold what the script looks up, and stay hidden until it has run: in a page without
JavaScript, and in a notebook, the still figure before them stands alone.
"""

from __future__ import annotations

import html
import json

from IPython.display import HTML


def toy(name: str, body: str, data: object) -> HTML:
    """A toy in the page: its markup, and what its script looks up.

    Args:
        name: By whose class, ``toy-NAME``, the script finds it.
        body: HTML, every text in it escaped.
        data: What JSON knows, without NaN and infinities.

    Raises:
        ValueError: If the data are no JSON.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    text = text.replace("<", r"\u003c")  # or a name could end the script
    script = f'<script type="application/json">{text}</script>'
    return HTML(f'<div class="toy toy-{name}" hidden>{script}{body}</div>')


def missing(why: str) -> HTML:
    """Stand where a toy would be, with a sentence that says why there is none."""
    return HTML(f"<p><em>{html.escape(why)}</em></p>")
