"""Groups: which files of a folder belong together, as those of a patient or a slide."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from sslkit.images.folders import quoted


def read_groups(folder: Path, table: pd.DataFrame, groups: str) -> list[str]:
    """The group of each file, ``""`` for unlabelled files that have none.

    Args:
        folder: The folder.
        table: Its files, from ``list_folder``.
        groups: Either a regular expression with one group, searched for in
            ``"class/name"``; or ``"files.csv:path:group"``: a CSV file in the folder,
            its column of paths below the folder and its column of groups.

    Raises:
        ValueError: If the expression or the CSV file does not fit, or a labelled file
            has no group; it is named.
    """
    csv = re.fullmatch(r"([^:]+\.csv):([^:]+):([^:]+)", groups, re.IGNORECASE)
    if csv:
        known = _group_column(folder / csv[1], csv[2], csv[3])
        found = [known.get(path, "") for path in table["path"]]
    else:
        try:
            pattern = re.compile(groups)
        except re.error as error:
            raise ValueError(f"groups={groups!r} is no pattern: {error}") from error
        if pattern.groups != 1:
            raise ValueError(
                f"groups={groups!r} has {pattern.groups} groups in brackets; it needs "
                "one, e.g. r'(\\w+/g\\d+)_', or 'files.csv:path:group' for a CSV file"
            )
        matches = [pattern.search(file) for file in table["file"]]
        found = [(match[1] or "") if match else "" for match in matches]
    missing = table["path"][(np.array(found) == "") & (table["label"] >= 0)]
    if len(missing):
        raise ValueError(
            f"{folder / missing.iloc[0]} has no group by groups={groups!r}, nor have "
            f"{len(missing) - 1} other labelled files"
        )
    return found


def _group_column(path: Path, file_column: str, group_column: str) -> dict[str, str]:
    """Read the groups of a CSV file by file."""
    if not path.is_file():
        raise ValueError(f"groups: there is no file {path}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in (file_column, group_column):
        if column not in table:
            raise ValueError(
                f"groups: {path} has no column {column!r}; it has "
                f"{quoted(list(table.columns))}"
            )
    found: dict[str, str] = {}
    for file, group in zip(table[file_column], table[group_column], strict=True):
        file = file.replace("\\", "/").removeprefix("./")
        if found.setdefault(file, group) != group:
            raise ValueError(
                f"groups: {path} gives {file} two groups, {found[file]!r} and {group!r}"
            )
    return found
