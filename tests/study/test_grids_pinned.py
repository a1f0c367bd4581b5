"""The study's grid, written down, and held against the committed records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from sslkit.runs import codec, keys, records
from sslkit.runs.recipes import Recipe
from tools import results

RESULTS = Path(__file__).parents[2] / "book/results"

# By variant and arm: how many draws, from 0, at each share of the labels.
STUDY = {0.05: 10, 0.25: 5, 0.5: 3}
WHOLE = {**STUDY, 1.0: 3}
CURVE = dict.fromkeys((0.025, 0.1, 0.15, 0.35, 0.75), 3)
FEW = {0.05: 5}
MORE = {0.05: 5, 0.25: 3, 0.5: 3}
METHODS = ("rotnet", "rotnet-jitter", "simclr")
ARMS = ("supervised", "supervised-plain", "random", *METHODS)
BASE = dict.fromkeys(("random", *METHODS), STUDY) | {"supervised-plain": WHOLE}
GRID: dict[str, dict[str, dict[float, int]]] = {
    "base": {**BASE, "supervised": {**WHOLE, **CURVE}},
    "constant": {**BASE, "supervised": WHOLE},
    "seeds": dict.fromkeys(("supervised", "rotnet-jitter", "simclr"), FEW),
    "lr/3": dict.fromkeys(("supervised", "supervised-plain"), FEW),
    "constant, random start": dict.fromkeys(ARMS, FEW),
    "warm": dict.fromkeys(ARMS, FEW),
    "constant 5e-6": dict.fromkeys(ARMS, FEW),
    "constant pretext": dict.fromkeys(METHODS, FEW),
    "constant downstream": dict.fromkeys(METHODS, FEW),
    "layers": dict.fromkeys((*METHODS, "random"), FEW),
    "field": dict.fromkeys((*METHODS, "supervised"), FEW),
    "rotated": dict.fromkeys(("rotnet", "rotnet-jitter"), FEW),
    "long": {"simclr": FEW},
    "all": dict.fromkeys(METHODS, MORE),
    "all, few steps": dict.fromkeys(METHODS, FEW),
    "budget, many steps": {
        "rotnet": FEW,
        "rotnet-jitter": FEW,
        "simclr": MORE,
        "supervised": {**FEW, **CURVE, 0.25: 3, 0.5: 3},
        "supervised-plain": FEW,
    },
    "budget + other": {"simclr": MORE},
    "other alone": {"simclr": FEW},
}


def test_the_study_has_the_recipes_that_are_written_down(study: list[Recipe]) -> None:
    found: dict[str, dict[str, dict[float, Counter[int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(Counter))
    )
    for one in study:
        assert one.fraction is not None
        found[one.variant][one.arm][one.fraction][one.draw] += 1
    times = {variant: 2 if variant == "seeds" else 1 for variant in GRID}
    expected = {
        variant: {
            arm: {
                share: Counter(dict.fromkeys(range(draws), times[variant]))
                for share, draws in shares.items()
            }
            for arm, shares in of_arms.items()
        }
        for variant, of_arms in GRID.items()
    }
    assert found == expected
    assert len(study) == 574


def digest(todo: list[Recipe]) -> str:
    """Of every value of every recipe but the neutral ones, which may be added to."""
    settings = "method encoder pretraining downstream probe augmentation".split()
    names = """
        data fraction labels draw seed pretraining_seed pretrain extra_unlabelled
        selection protocols precision arm profile variant
    """.split()
    rows = []
    for one in todo:
        plain = codec.to_dict(one)
        for data in (plain["data"], plain["extra_unlabelled"]):
            if data is not None:
                assert data.pop("bits") is None  # neutral, and added later
        decides = {name: keys.plain(getattr(one, name)) for name in settings}
        rows.append({name: plain[name] for name in names} | decides)
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def test_every_value_of_the_study_is_what_it_was(study: list[Recipe]) -> None:
    expected = "b7886577a114ba2be047b4c37f384162dc06c62dd4d6e3ae4ccbcfcd43b6d360"
    assert digest(study) == expected


@pytest.mark.parametrize(
    ("name", "count"),
    [("quick-shapes", 65), ("study-small-colon3", 595), ("study-small-lung3", 120)],
)
def test_the_committed_records_are_of_just_these_recipes(
    name: str, count: int, request: pytest.FixtureRequest
) -> None:
    if name != "quick-shapes":
        real_images = request.getfixturevalue("real_images")
        for folder in ("colon3", "lung3"):
            if not (real_images / folder).is_dir():
                pytest.skip(f"SSLKIT_DATA has no folder {folder}")
    todo = [*results.recipes(name)]
    kept = records.read(RESULTS / name)
    # A record says what "auto" became, from version 3 on.
    done, asked = (
        {replace(recipe, precision="auto") for recipe in some}
        for some in ([run.recipe for run in kept], todo)
    )
    assert len(todo) == len(kept) == count
    assert done == asked
