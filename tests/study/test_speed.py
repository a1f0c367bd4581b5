"""What follows from measured rates; how they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import kept
from sslkit.runs import provenance
from sslkit.study import published, speed


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of figures that takes the place of the book's."""
    file = tmp_path / "speed.csv"
    monkeypatch.setattr(published, "file", lambda name: file)
    return file


def test_what_is_kept_is_found_again_case_by_case(measured: Path) -> None:
    kept.keep("views", "96 px", "views/s", {"sslkit": 60.0, "other": 20.0}, measured)
    kept.keep("step", "tiny", "steps/s", {"bare": 3.0}, measured)
    kept.keep("views", "32 px", "views/s", {"sslkit": 10.0, "other": 5.0}, measured)
    wide = speed.by_case("views")
    assert list(wide.index) == ["96 px", "32 px"]  # as measured
    assert list(wide.columns) == ["sslkit", "other"]
    assert wide.loc["32 px", "other"] == 5
    assert speed.ratios("views")["other"].tolist() == [3, 2]
    found = speed.measured("views")
    assert {"machine", "torch", "commit", "date", "unit"} <= set(found.columns)


def test_a_full_disk_leaves_what_was_measured_before(
    measured: Path, full_disk: Callable[[Path], None]
) -> None:
    kept.keep("step", "tiny", "steps/s", {"bare": 1.0}, measured)
    full_disk(measured)
    with pytest.raises(OSError, match=r"speed\.csv' cannot be written"):
        kept.keep("step", "tiny", "steps/s", {"bare": 2.0}, measured)
    assert speed.measured("step")["value"].tolist() == [1.0]


def test_a_case_measured_anew_takes_the_place_of_the_old(measured: Path) -> None:
    for value in (1.0, 2.0):
        kept.keep("step", "tiny", "steps/s", {"bare": value}, measured)
    assert speed.measured("step")["value"].tolist() == [2.0]


def test_one_machine_is_shown_the_last(
    measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = provenance.provenance()
    for machine in ("old", "new"):
        monkeypatch.setattr(
            provenance, "provenance", lambda m=machine: about | {"machine": m}
        )
        kept.keep("step", "tiny", "steps/s", {"bare": len(machine)}, measured)
    assert len(pd.read_csv(measured)) == 2
    assert speed.measured("step")["machine"].tolist() == ["new"]


def test_figures_that_nobody_measured_are_an_error(measured: Path) -> None:
    kept.keep("step", "tiny", "steps/s", {"bare": 1.0}, measured)
    with pytest.raises(ValueError, match="no figures of 'views'"):
        speed.measured("views")


@pytest.mark.parametrize(
    "benchmark",
    "views step pretrain start memory".split()
    + ["pretrain loss", "memory, calculated"],
)
def test_the_book_has_figures_of_every_benchmark(benchmark: str) -> None:
    assert (speed.measured(benchmark)["value"] > 0).all()


@pytest.mark.parametrize(
    ("workers", "takes"), [(1, 10.0), (2, 7.0), (3, 5.0), (4, 4.0), (64, 4.0)]
)
def test_whoever_is_free_takes_the_next(workers: int, takes: float) -> None:
    assert speed.makespan([3, 2, 1, 4], workers) == takes


def test_side_by_side_takes_turns_and_gives_the_median(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, order = [0.0], []
    monkeypatch.setattr(kept.time, "perf_counter", lambda: clock[0])
    lasts = iter([9, *[1, 2, 3, 40, 5]])

    def slow() -> None:
        order.append("slow")
        clock[0] += next(lasts)

    def fast() -> None:
        order.append("fast")
        clock[0] += 0.5

    found = kept.side_by_side({"slow": slow, "fast": fast}, at_least=0)
    assert order == ["slow", "fast"] * 6  # once to warm up
    assert found == {"slow": 3, "fast": 0.5}
