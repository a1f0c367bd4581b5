"""Toys of a page: their data cannot break out of the markup."""

from __future__ import annotations

import json
import math

import pytest

from sslkit.figures import live


def test_data_reach_the_script_whatever_they_hold() -> None:
    data = {"name": "</script><b>&", "é": ["\N{NO-BREAK SPACE}", 0.1]}
    text = live.toy("one", "<p>body</p>", data).data
    start, end = text.split("</script>")
    assert end == "<p>body</p></div>"
    head, found = start.split('<script type="application/json">')
    assert head == '<div class="toy toy-one" hidden>'
    assert json.loads(found) == data


def test_what_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        live.toy("one", "", [math.inf])


def test_a_sentence_in_place_of_a_toy_is_escaped() -> None:
    assert live.missing("a < b").data == "<p><em>a &lt; b</em></p>"
