"""A look, its advice and its trials as text: a screen each, numbers first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from sslkit.folder.advice import Advice, percent
from sslkit.folder.cues import Told
from sslkit.folder.files import Files
from sslkit.folder.look import Look, doubts
from sslkit.runs import watching
from sslkit.runs.records import Run

_WIDTH = 76
_CLASSES = 10  # lines of the table, at most


def of_look(look: Look) -> str:
    """What was seen, in lines."""
    labelled = f"{len(look.counts)} classes" if look.counts else "no labels"
    lines = [
        f"{look.name}: {look.seen:,} images to learn from, {look.tested:,} to test, "
        f"{look.size} × {look.size} pixels, {labelled}",
        *_table(look),
    ]
    facts = [_budget(look), *_of_files(look.files), _of_doubles(look), _of_groups(look)]
    facts += [_of_colour(look), _of_turns(look)]
    facts += [f"Beware: {doubt}: a score would be too good." for doubt in doubts(look)]
    return "\n".join([*lines, *_wrapped(facts)])


def of_advice(advice: Sequence[Advice]) -> str:
    """What is advised, in lines: what, value, why, and on what it rests."""
    facts = []
    for one in advice:
        value = ", ".join(one.value) if isinstance(one.value, tuple) else one.value
        head = one.what if value is None else f"{one.what} = {value}"
        facts.append(f"{head}: {one.why} [{one.basis}]")
    return "\n".join(_wrapped(facts))


def of_pretraining(runs: Sequence[Run]) -> list[str]:
    """How the pretraining of each method went, by its first run, in sentences."""
    firsts = {run.recipe.arm: run for run in reversed(runs)}.values()
    return [line for run in reversed(firsts) for line in watching.said(run)]


def _wrapped(facts: Iterable[str]) -> list[str]:
    return [
        line
        for fact in facts
        for line in textwrap.wrap(
            fact, _WIDTH, initial_indent="- ", subsequent_indent="  "
        )
    ]


def _table(look: Look) -> list[str]:
    """Images by class and part, the largest classes first."""
    rows = sorted(look.counts.items(), key=lambda row: -row[1]["train"])
    shown = rows[:_CLASSES]
    wide = max((len(name) for name, _ in shown), default=0)
    lines = [
        f"  {name:<{wide}}  {parts['train']:>7,} train  {parts['test']:>7,} test"
        for name, parts in shown
    ]
    if len(rows) > len(shown):
        lines.append(f"  … and {len(rows) - len(shown)} smaller classes")
    if look.unlabelled:
        lines.append(f"  {look.unlabelled:,} images without a label")
    return lines


def _budget(look: Look) -> str:
    if not look.counts:
        return "0 labels: neighbours, doubles and groups need none; a verdict would."
    return (
        f"{look.budget:,} labels are in the budget. The counts above use all labels; "
        "what follows reads these alone, and the names of files."
    )


def _of_files(files: Files | None) -> list[str]:
    if files is None:
        return []
    low, middle, high = files.sides
    sides = (
        f"{low}" if low == high else f"{low} to {high} (half of them above {middle})"
    )
    kinds = ", ".join(f"{count:,} {name}" for name, count in files.formats.items())
    modes = ", ".join(files.modes)
    said = [f"{kinds} files, {modes}; {sides} pixels on the shorter side."]
    if files.unreadable:
        path, reason = next(iter(files.unreadable.items()))
        count = len(files.unreadable)
        said.append(f"{count:,} files cannot be read, the first {path!r} ({reason}).")
    return said


def _of_doubles(look: Look) -> str:
    found = look.doubles
    said = (
        f"{found.same:,} images are there twice to the pixel, {found.near:,} nearly. "
        f"Of the test images {found.same_tested:,} are also in training to the pixel, "
        f"{found.near_tested:,} nearly. Turned or cut copies are not looked for."
    )
    if found.differing:
        said += f" {found.differing:,} of {found.compared:,} doubles have two labels."
    return said


def _of_groups(look: Look) -> str:
    if look.groups is not None:
        count = (
            f"{min(look.groups.values(), default=0)} groups or more a class to train on"
        )
    elif look.suggested:
        one = look.suggested[0]
        count = (
            f"{one.groups} groups are suggested by names, as '{one.group}' of "
            f"'{one.file}', by {one.pattern}"
        )
    else:
        return "No groups are known, and names suggest none: each image counts alone."
    if look.own_group is None:
        return f"{count}."
    return (
        f"{count}; the most alike image is of the same group: {_told(look.own_group)}."
    )


def _of_colour(look: Look) -> str:
    if look.colour is None:
        return "Too few labels say how far colour alone decides."
    return f"Colour alone tells the class: {_told(look.colour)}."


def _of_turns(look: Look) -> str:
    if look.turn is None or look.light is None:
        return "Too few images say whether there is an up."
    return (
        f"The turn of an image is told by lines and colours: {_told(look.turn)}; by "
        f"light alone: {percent(look.light.share)}. {_UP[look.up]}"
    )


_UP = {
    "yes": "There is an up.",
    "no": "There is no up to speak of.",
    "light": "Most of that is light from one side: a sky, or a lamp?",
    "open": "Whether there is an up is open.",
}


def _told(told: Told) -> str:
    return (
        f"{percent(told.share)} ({percent(told.low)} to {percent(told.high)}) of "
        f"{told.images:,}, by guessing {percent(told.chance)}"
    )
