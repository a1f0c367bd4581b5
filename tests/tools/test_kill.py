"""Kills: works end as if undisturbed, and a planted fault is found."""

from __future__ import annotations

import json
import random
from pathlib import Path

import click
import killable
import pandas as pd
import pytest
from click.testing import CliRunner
from small_runs import by_hand

from sslkit.runs import records
from tools import kill, kill_work, measured
from tools.kill import Kill
from tools.kill_work import Work, left


def disturbed(work: Work, tmp_path: Path, tries: int) -> tuple[list[Kill], list[bool]]:
    """What some tries of a work gave: all kills, and whether each ended the same."""
    first = tmp_path / "undisturbed"
    first.mkdir()
    whole, seconds = kill.undisturbed(work, first)
    kills, ends = [], []
    for number in range(tries):
        folder = tmp_path / str(number)
        folder.mkdir()
        chance = random.Random(number)
        found, same = kill.disturbed(work, folder, whole, seconds, chance)
        kills += found
        ends.append(same)
    return kills, ends


def test_a_file_written_whole_is_never_torn_and_ends_the_same(tmp_path: Path) -> None:
    kills, ends = disturbed(killable.GOOD, tmp_path, 4)
    assert len(kills) >= 2
    assert {one.torn for one in kills} == {0}
    assert all(0 <= one.moment <= 1 for one in kills)
    assert ".a.txt.partial" in {one.touched for one in kills}
    assert all(ends)


def test_a_writer_that_writes_in_place_is_found(tmp_path: Path) -> None:
    kills, ends = disturbed(killable.IN_PLACE, tmp_path, 4)
    assert sum(one.torn for one in kills) >= 1
    assert all(ends), "the same command writes it again"


def test_a_work_that_does_not_end_as_undisturbed_is_found(tmp_path: Path) -> None:
    kills, ends = disturbed(killable.REMEMBERS, tmp_path, 1)
    assert kills
    assert ends == [False]


def test_a_half_written_file_that_is_left_over_counts_at_the_end_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("whole")
    before = left(tmp_path, ended=True)
    (tmp_path / ".b.txt.partial").write_text("half")
    assert left(tmp_path, ended=False) == before
    assert left(tmp_path, ended=True) != before


def test_a_work_that_fails_undisturbed_is_an_error_that_names_its_log(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a work"
    folder.mkdir()
    with pytest.raises(click.ClickException, match=r"see '.*a work\.log'"):
        kill.undisturbed(killable.FAILS, folder)
    assert "it cannot be done" in (tmp_path / "a work.log").read_text()


def test_of_records_what_counts_is_all_but_seconds_date_and_commit(
    tmp_path: Path,
) -> None:
    one = records.to_record(by_hand())
    file = tmp_path / "records" / "a.json"
    file.parent.mkdir()
    found = []
    for about in (
        {"seconds": {"linear": 1.5}, "date": "2026-01-01", "machine": "m"},
        {"seconds": {"linear": 9.0}, "date": "2026-01-02", "machine": "m"},
        {"seconds": {"linear": 1.5}, "date": "2026-01-01", "machine": "n"},
    ):
        file.write_text(json.dumps(one | {"about": about}))
        found.append(left(tmp_path, ended=True))
    assert found[0] == found[1] != found[2]


def test_kills_are_kept_a_row_each_and_the_command_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill, "FILE", tmp_path / "kills.csv")
    monkeypatch.setattr(kill, "IMPORTED", ["killable"])
    monkeypatch.setitem(kill.WORKS, "publish", killable.GOOD)
    for kills in ("1", "2", "2"):
        words = ["publish", "--kills", kills, "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(kill.main, words)
        assert done.exit_code == 0, done.output
    table = pd.read_csv(kill.FILE)
    assert 2 <= len(table) <= 1 + kill.MOST
    assert table["try"].tolist() == sorted(table["try"])
    assert table["same"].all()
    assert {"commit", "date", "machine"} <= set(table)
    table.assign(commit="another").to_csv(kill.FILE, index=False)
    assert measured.of_this_commit(kill.FILE) == []


def test_the_chapter_that_is_killed_is_one_of_the_book() -> None:
    table = Path(__file__).parents[2] / "_toc.yml"
    assert f"file: book/{kill_work.CHAPTER}\n" in table.read_text()
