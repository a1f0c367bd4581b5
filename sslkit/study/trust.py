"""What was done to the project to see whether its numbers can be believed."""

from __future__ import annotations

import pandas as pd

from sslkit.study import published


def kills() -> pd.DataFrame:
    """The kills that ``tools.kill`` made, a row each.

    Returns:
        Columns work; try (a work that was begun, killed and brought to its end, perhaps
        after several kills); moment (since the first change of a file, as a share of
        the undisturbed time); touched (the file that had been changed last); torn
        (files that a reader would have taken for whole, and were not); same (whether
        the work ended as an undisturbed one); commit, date, machine.

    Raises:
        ValueError: If there are none.
    """
    return _read("kills.csv", "python -m tools.kill")


def by_work(table: pd.DataFrame) -> pd.DataFrame:
    """Kills summed up, a row a kind of work.

    Args:
        table: From ``kills``.

    Returns:
        Columns ``kills``; ``while writing`` (how many of them came before a file that
        was being written had taken its place); ``torn files``; ``works``, which were
        killed once or more and brought to their end; ``differing``, those of them that
        did not end as an undisturbed one.
    """
    ends = table.groupby(["work", "try"], sort=False)["same"].all()
    of_works = ends.groupby("work", sort=False)
    grouped = table.assign(half=table["touched"].str.endswith(".partial")).groupby(
        "work", sort=False
    )
    return pd.DataFrame(
        {
            "kills": grouped.size(),
            "while writing": grouped["half"].sum(),
            "torn files": grouped["torn"].sum(),
            "works": of_works.size(),
            "differing": of_works.size() - of_works.sum(),
        }
    ).rename_axis(index=None)


def audit() -> pd.DataFrame:
    """What ``tools.audit`` found, a row a folder of records and check.

    Returns:
        Columns records (their folder); check (what is to hold); of (what was looked at:
        records, test images or arms); checked (how many); found (how many of them are
        at fault); commit, date, machine.

    Raises:
        ValueError: If there is none.
    """
    return _read("audit.csv", "python -m tools.audit")


def by_check(table: pd.DataFrame) -> pd.DataFrame:
    """An audit summed up, a row a check: of what, how many were ``checked``, ``found``.

    Args:
        table: From ``audit``; of all folders, or of some.
    """
    grouped = table.groupby(["check", "of"], sort=False)[["checked", "found"]]
    return grouped.sum().reset_index("of").rename_axis(index=None)


def _read(name: str, command: str) -> pd.DataFrame:
    file = published.file(name)
    if file is None:
        raise ValueError(f"no '{name}' in book/results; `{command}` makes it")
    return pd.read_csv(file)
