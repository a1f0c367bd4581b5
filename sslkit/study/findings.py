"""Findings: sentences that a person wrote, held to the committed records.

A page inserts a finding's numbers from records (``myst_nb.glue``) and guards it with
``holds``, so that no build can state what its records no longer bear out.
"""

from __future__ import annotations

import pandas as pd

from sslkit.study import published, tables


class NotBorneOut(Exception):
    """The committed records say otherwise than a finding."""


def recorded(data: str, profile: str) -> pd.DataFrame:
    """The committed scores of an image set: what findings speak of.

    A page may show a reader's own images; what it states is always of these.

    Args:
        data: The image set.
        profile: The profile of the records.

    Returns:
        From ``tables.table``, as ``study.gains`` describes it.

    Raises:
        ValueError: If there are no such records.
    """
    runs = published.runs(data, profile, histories=False)
    if not runs:
        raise ValueError(
            f"no committed records of {data}, profile {profile}: they are in "
            "book/results of the repository, and a page finds them from the folder "
            "book/ or from the one above"
        )
    return tables.table(runs)


def holds(borne_out: bool, finding: str) -> None:
    """Let a page be built only while the records bear out what it says.

    Args:
        borne_out: Whether they do, as a comparison of numbers from records.
        finding: The sentence, in full.

    Raises:
        NotBorneOut: If they do not; it names the sentence.
    """
    if not borne_out:
        raise NotBorneOut(f"the committed records do not bear out: {finding}")


def insert(**numbers: float) -> None:
    """Let text insert numbers, with the role ``glue:text`` and a format.

    Args:
        numbers: By the names that the text uses.

    Raises:
        ModuleNotFoundError: If the extra ``book`` is not installed.
    """
    from myst_nb import glue

    for name, value in numbers.items():
        plain = float(value)  # of NumPy, too; what is whole is said so
        whole = plain.is_integer()
        glue(name, int(plain) if whole else plain, display=False)
