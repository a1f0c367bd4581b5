"""Figures that a tool measures, kept as rows of a CSV with where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def of_this_commit(file: Path) -> Rows:
    """The rows of a file that were measured at this commit; none if there is no file.

    Figures of several commits would be figures of several programs.
    """
    import pandas as pd

    from sslkit.runs.provenance import provenance

    if not file.exists():
        return []
    table = pd.read_csv(file)
    rows: Rows = table[table["commit"] == provenance()["commit"]].to_dict("records")
    return rows


def keep(file: Path, rows: Rows, new: Rows) -> None:
    """Write rows, and new ones with commit, date and machine, in place of a file.

    Args:
        file: A CSV.
        rows: From ``of_this_commit``, those that stay.
        new: What was measured now.

    Raises:
        OSError: If it cannot be written; names it.
    """
    import pandas as pd

    from sslkit.images.files import whole
    from sslkit.runs.provenance import provenance

    about = {key: provenance()[key] for key in ("commit", "date", "machine")}
    with whole(file) as partial:
        table = pd.DataFrame([*rows, *({**row, **about} for row in new)])
        table.to_csv(partial, index=False)
