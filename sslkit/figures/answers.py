"""The figures of the book's questions: amounts of images, curves of all runs, a wall.

Colours, labels and markers are those of ``runs.arms``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets
import pandas as pd
import torch
from matplotlib.figure import Figure

from sslkit.figures import diagnostics, plots, widgets
from sslkit.figures.forest import forest
from sslkit.runs.arms import arm_of
from sslkit.study.questions import AMOUNTS

if TYPE_CHECKING:
    from sslkit.images.imageset import ImageSet
    from sslkit.runs.records import Run

_PHASES = {"pretrain": "pretext", "finetune": "with labels"}


def amounts(differences: pd.DataFrame) -> Figure:
    """Show what more or other unlabelled images add, a panel a protocol.

    Args:
        differences: From ``study.answers.amounts``, of one data set and profile.

    Raises:
        ValueError: If it mixes data sets or profiles.
    """
    # A line is broken before what tells an amount from its neighbours.
    lines = {
        variant: re.sub(" (steps|another|alone)", r"\n\1", name)
        for variant, name in AMOUNTS.items()
    }
    values = differences.assign(
        panel=differences["protocol"].map(plots.PROTOCOL_LABELS),
        heading="",
        line=differences["variant"].map(lines),
        value=differences["difference"],
    )
    figure = forest(values, label="points")
    for axes in figure.axes:
        axes.axvline(0, color=plots.GREY, lw=1.2, zorder=1)
    text = "to the budget alone, paired; 95 % t-interval"
    plots.footnote(figure, differences, text)
    return figure


def curves(learnt: Mapping[tuple[str, str], Sequence[Run]]) -> ipywidgets.VBox:
    """Show the curves of all runs of an arm and phase, one of them behind each button.

    A dot marks the epoch whose weights were tested, in training with labels.

    Args:
        learnt: From ``study.answers.learning``, of one data set.

    Raises:
        ValueError: If there are fewer than two arms and phases.
    """
    drawn = {}
    name = ""
    for (method, phase), runs in learnt.items():
        name = Path(runs[0].recipe.data.name).name
        scores = [run.scores[phase] for run in runs if phase in run.scores]
        tested = [score.epoch for score in scores if score.epoch is not None]
        drawn[f"{arm_of(method).label}, {_PHASES[phase]}"] = diagnostics.curves(
            *(run.history for run in runs),
            phase=phase,
            selected=tested,
            method=method,
        )
    told = "loss and accuracy by epoch, in training and in validation, and "
    return widgets.choices(
        list(drawn.values()),
        labels=list(drawn),
        alt=[f"{name}, {text}: {told}the learning rate" for text in drawn],
        description=name,
    )


def wall(images: ImageSet, *, count: int = 120, columns: int = 15) -> Figure:
    """Show many images in a mixed order, of which two a class have their names.

    Args:
        images: Which; equally many of each class are shown.
        count: How many: a multiple of the number of classes.
        columns: Images a row.
    """
    each = count // len(images.classes)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    rows = images.examples(each)[order]
    pixels, labels = images.take(rows)
    named = torch.isin(rows, images.examples())
    names = [images.classes[label] for label in labels]
    titles = [name if known else "" for name, known in zip(names, named, strict=True)]
    return plots.grid(pixels, titles=titles, columns=columns)
