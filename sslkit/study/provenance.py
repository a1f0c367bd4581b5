"""Provenance: what stands behind a set of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sslkit.runs.records import Run


def behind(runs: Sequence[Run]) -> dict[str, object]:
    """What stands behind figures that were made from some records.

    Args:
        runs: Records, as of ``published.runs``.

    Returns:
        By the name of a line: profile, number of ``runs`` and ``draws``, encoder, image
        size, number of test images, date, commit, machine, ``hours`` (of one process,
        to a tenth; a pretraining that several runs share is counted in each),
        fingerprint of the images, results version. What differs between runs is a text
        of all that occurs, sorted.
    """
    about = [run.about for run in runs]
    recipes = [run.recipe for run in runs]
    seconds = sum(sum(one["seconds"].values()) for one in about)
    return {
        "profile": _several(recipe.profile for recipe in recipes),
        "runs": len(runs),
        "draws": len({recipe.draw for recipe in recipes}),
        "encoder": _several(recipe.encoder.backbone for recipe in recipes),
        "image size": _several(recipe.data.image_size for recipe in recipes),
        "test images": _several(one["counts"]["test"] for one in about),
        "date": _several(one["date"] for one in about),
        "commit": _several(one["commit"] for one in about),
        "machine": _several(one["machine"] for one in about),
        "hours": round(seconds / 3600, 1),
        "fingerprint": _several(one["fingerprint"][:12] for one in about),
        "results version": _several(one["results_version"] for one in about),
    }


def _several(values: Iterable[object]) -> str:
    """What all have in common, or all that occurs."""
    return ", ".join(sorted({str(value) for value in values}))
