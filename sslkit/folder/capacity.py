"""What a machine can bear in the time that it is given: size, network, steps."""

from __future__ import annotations

from sslkit.folder.advice import MEASURED, RULE, Advice
from sslkit.folder.files import Files
from sslkit.folder.look import Look
from sslkit.folder.machine import BATCH, Machine
from sslkit.runs.durations import in_time

SMALL, LARGE = 32, 96  # pixels, the most that a CPU and a GPU are advised to take
LEAST, ENOUGH = 2000, 6000  # steps of pretraining


def image_size(files: Files | None, *, gpu: bool) -> Advice:
    """At what side to read the images; from headers, so before pixels are read."""
    most = LARGE if gpu else SMALL
    if files is None or not files.count:
        why = f"{most} pixels a side suit {'a GPU' if gpu else 'a CPU'}"
        return Advice("image_size", most, f"{why}; the files were not asked.", RULE)
    own = files.sides[1]
    if own <= most:
        return Advice("image_size", own, f"The files have {own} pixels.", MEASURED)
    why = (
        f"The files have {own} pixels on the shorter side, of which {most} are kept: a "
        f"step takes {(own / most) ** 2:.0f} times less. What is smaller than "
        f"{2 * own / most:.0f} pixels in them is lost; if that may matter, compare a "
        "larger image_size."
    )
    return Advice("image_size", most, why, RULE)


def backbone(machine: Machine, minutes: float) -> Advice:
    """The largest network that gets ``LEAST`` steps in half of the time."""
    fits = [
        name
        for name, seconds in machine.seconds.items()
        if LEAST * BATCH * seconds <= 60 * minutes / 2
    ]
    chosen = fits[-1] if fits else next(iter(machine.seconds))
    took = LEAST * BATCH * machine.seconds[chosen]
    why = (
        f"{LEAST:,} steps of pretraining, {BATCH} images each, take {chosen} about "
        f"{in_time(took)}; half of the time given is {in_time(30 * minutes)}."
    )
    if not fits:
        why += " Nothing here is smaller."
    return Advice("backbone", chosen, why, MEASURED)


def steps(look: Look, machine: Machine, network: str, minutes: float) -> Advice:
    """How many steps of pretraining half of the time is enough for."""
    batch = min(BATCH, look.seen)
    seconds = batch * machine.seconds[network]
    count = max(1, min(ENOUGH, int(60 * minutes / 2 / seconds)))
    passes = count * batch / look.seen
    why = (
        f"They take about {in_time(count * seconds)} and are {passes:.0f} passes "
        f"over {look.seen:,} images; the rest of the time is for the labels."
    )
    if count < LEAST:
        why += (
            f" That is short: in fewer than {LEAST:,} steps a pretext task is hardly "
            "learnt. Give it more minutes, or a GPU."
        )
    return Advice("steps", count, why, MEASURED)


def memory(machine: Machine) -> Advice | None:
    """What the rehearsal took."""
    if machine.used is None or machine.memory is None:
        return None
    where = "the GPU's" if machine.gpu else "this machine's"
    why = (
        f"{machine.used:.1f} GiB of {where} {machine.memory:.0f} were taken at most "
        "while steps were tried."
    )
    return Advice("memory", round(machine.used, 1), why, MEASURED)


def weights(machine: Machine) -> Advice:
    """Do ImageNet's weights reach this machine?"""
    if machine.weights:
        names = " and ".join(machine.weights)
        why = f"ImageNet's weights of {names} are here: a frozen start costs one pass."
        return Advice("weights", machine.weights, why, MEASURED)
    why = (
        "ImageNet's weights are not on this machine. With a network torchvision "
        'fetches them (init="imagenet"; 45 MB for resnet18); without one, bring the '
        "file and name it by init."
    )
    return Advice("weights", None, why, MEASURED)
