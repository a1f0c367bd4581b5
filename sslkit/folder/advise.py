"""What to run on a reader's images, and why: rules, each with what it rests on.

Every rule is a function of what was seen (``Look``), of what a machine can do
(``Machine``) and of what the book's records say (``Finding``), and of nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sslkit.folder.files import Files
from sslkit.folder.look import Look
from sslkit.folder.machine import Machine
from sslkit.folder.recorded import Finding, What
from sslkit.study.tables import in_words

MEASURED, RULE = "measured here", "rule of thumb"

SMALL, LARGE = 32, 96  # pixels, the most that a CPU and a GPU are advised to take
BATCH = 256  # images a step of pretraining
LEAST, ENOUGH = 2000, 6000  # steps of pretraining
UP = 0.4
"""Share of turns told, of which guessing gets a quarter, that takes an up.

Tissue, which has none, was told in 0.26 to 0.35 of all cases; photographs of animals
and clothes in 0.53 and 0.87.
"""
FEW_GROUPS = 10  # a class: fewer make test scores a matter of who is among them
FEW_IMAGES = 192  # of colon3, 5 % of the labels: the fewest that records were made of
MUCH = 0.5  # of what there is to tell, from guessing to no error


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes:
        what: It is about; the name by which programs find it.
        value: What is advised: a number of the unit that ``why`` says, a name, several
            names, or a pattern; ``None`` where there is nothing to do.
        why: In plain sentences.
        basis: ``"measured here"``, ``"recorded on X"`` or ``"rule of thumb"``.
    """

    what: str
    value: str | int | float | tuple[str, ...] | None
    why: str
    basis: str


def advise(
    look: Look,
    machine: Machine,
    *,
    minutes: float = 60.0,
    recorded: Sequence[Finding] = (),
) -> tuple[Advice, ...]:
    """What to run, in the order in which it is decided.

    Args:
        look: At the images, in the size that will be used (``image_size``).
        machine: That will be used.
        minutes: That it may take in all.
        recorded: From ``recorded.findings``.

    Raises:
        ValueError: If there is no time.
    """
    if minutes <= 0:
        raise ValueError(f"minutes is {minutes}; training takes more than none")
    network = backbone(machine, minutes)
    rules: list[Callable[[], Advice | None]] = [
        lambda: network,
        lambda: steps(look, machine, str(network.value), minutes),
        lambda: memory(machine),
        lambda: doubles(look),
        lambda: groups(look),
        lambda: balance(look),
        lambda: simclr(look, recorded),
        lambda: rotnet(look, recorded),
        lambda: jitter(look, recorded),
        lambda: weights(machine),
        lambda: labels(look, recorded),
    ]
    return tuple(advice for rule in rules if (advice := rule()) is not None)


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
    took = LEAST * BATCH * machine.seconds[chosen] / 60
    why = (
        f"{LEAST:,} steps of pretraining, {BATCH} images each, take {chosen} {_time(took)}"
        + (
            ", within half of the time given."
            if fits
            else ": more than half of the time given, and nothing here is smaller."
        )
    )
    larger = list(machine.seconds)[list(machine.seconds).index(chosen) + 1 :]
    if larger and fits:
        longer = LEAST * BATCH * machine.seconds[larger[0]] / 60
        why += f" {larger[0]} would take {_time(longer)}."
    return Advice("backbone", chosen, why, MEASURED)


def steps(look: Look, machine: Machine, network: str, minutes: float) -> Advice:
    """How many steps of pretraining half of the time is enough for."""
    batch = min(BATCH, look.seen)
    seconds = batch * machine.seconds[network]
    count = max(1, min(ENOUGH, int(60 * minutes / 2 / seconds)))
    passes = count * batch / look.seen
    why = (
        f"{_time(count * seconds / 60)} of {minutes:g}, {passes:.0f} passes over "
        f"{look.seen:,} images; labels get the rest."
    )
    if count < LEAST:
        why += (
            f" That is short: with fewer than {LEAST:,} steps a pretext task is hardly "
            "learnt. Give it more minutes, or a GPU."
        )
    return Advice("steps", count, why, MEASURED)


def memory(machine: Machine) -> Advice | None:
    """What the rehearsal took."""
    if machine.used is None or machine.memory is None:
        return None
    where = "the GPU's" if machine.gpu else "this machine's"
    why = f"GiB were taken at most while steps were tried, of {where} "
    why += f"{machine.memory:.0f}."
    return Advice("memory", round(machine.used, 1), why, MEASURED)


def doubles(look: Look) -> Advice | None:
    """Test images that training may see are no test."""
    found = look.doubles
    both = found.same_tested + found.near_tested
    if not both:
        return None
    why = (
        f"test images are also among those that training may see ({found.same_tested} "
        f"to the pixel, {found.near_tested} nearly): a score on them is too good. Take "
        "them out of one of the two."
    )
    return Advice("doubles", both, why, MEASURED)


def groups(look: Look) -> Advice | None:
    """Few images, or few slides? And do they leak?"""
    alike = look.own_group
    near = "" if alike is None else (
        f"The image most alike in colour and texture is of the same group for "
        f"{_percent(alike.share)} of the images (by chance {_percent(alike.chance)})"
    )  # fmt: skip
    if look.groups is not None:
        least = min(look.groups, key=lambda name: look.groups[name], default=None)
        if least is None or look.groups[least] >= FEW_GROUPS:
            return Advice("groups", None, f"Groups are kept together. {near}.", MEASURED)
        why = (
            f"'{least}' has {look.groups[least]} groups to train on: few, however many "
            "images they have. More groups (patients, slides) will tell more than more "
            "images of these."
        )
        return Advice("groups", None, why, RULE)
    if not look.suggested or alike is None:
        return None
    one = look.suggested[0]
    why = (
        f"By their names the images are of {one.groups} groups, as '{one.group}' of "
        f"'{one.file}'. {near}"
        + (
            f": groups that are split leak. {one.shared} of {look.tested} test images "
            "are of a group, within their class, that training also has."
            if look.leaks
            else ", so that little would leak if the names mean something else."
        )
    )
    if one.mixed > one.groups / 2:
        inside = one.pattern.replace("/(", "^([^/]+/", 1)
        why += f" If numbers start again in every class, the pattern is {inside}"
    return Advice("groups", one.pattern if look.leaks else None, why, MEASURED)


def balance(look: Look) -> Advice | None:
    """Classes that differ in size are cut to the smallest, unless asked otherwise."""
    sizes = {name: parts["train"] for name, parts in look.counts.items()}
    if not sizes or look.balance > 1 / 2:
        return None
    small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    why = (
        f"'{large}' has {sizes[large]:,} training images and '{small}' "
        f"{sizes[small]:,}: labels are drawn from {sizes[small]:,} of each, unless the "
        "split is told balance=False. More images of the small class are worth most."
    )
    return Advice("balance", sizes[small], why, MEASURED)


def simclr(look: Look, recorded: Sequence[Finding]) -> Advice:
    """Pretraining on all images is what there is to try."""
    said, basis = _said(recorded, "simclr")
    why = f"Pretraining on all {look.seen:,} images needs no label and no up." + said
    if look.seen < FEW_IMAGES:
        why += f" Nothing in the book learnt from fewer than {FEW_IMAGES}: a trial."
        basis = RULE
    return Advice("simclr", "yes", why, basis)


def rotnet(look: Look, recorded: Sequence[Finding]) -> Advice:
    """Is there an up? Without one there are no turns to tell."""
    told, light = look.turn, look.light
    if told is None or light is None:
        return Advice("rotnet", "no", "There are too few images to tell.", RULE)
    said, basis = _said(recorded, "rotnet")
    lines = (
        f"Lines and colours tell by how many quarters an image was turned in "
        f"{_percent(told.share)} of all cases (95 % interval {_percent(told.low)} to "
        f"{_percent(told.high)}); guessing gets 25 %"
    )
    if told.low <= UP <= told.high:
        why = f"{lines}. Whether that is an up is open: try it last."
        return Advice("rotnet", "open", why + said, basis)
    if told.share < UP:
        why = f"{lines}: there is hardly an up, so turns teach little of what is shown."
        return Advice("rotnet", "no", why + said, basis)
    if light.share - light.chance > (told.share - told.chance) / 2:
        why = (
            f"{lines}, but how light the four quarters are tells {_percent(light.share)} "
            "by itself: the light falls from one side, and RotNet would learn the lamp."
        )
        return Advice("rotnet", "no", why, MEASURED)
    why = f"{lines}: there is an up, and turns can be learnt."
    return Advice("rotnet", "yes", why + said, basis)


def jitter(look: Look, recorded: Sequence[Finding]) -> Advice:
    """Is colour the diagnosis? Then changing it may take that away, or help."""
    told = look.colour
    said, basis = _said(recorded, "jitter")
    if told is None:
        why = "Too few labels say how far colour decides; the run compares both."
        return Advice("jitter", "both", why + said, basis)
    part = (told.share - told.chance) / (1 - told.chance) if told.chance < 1 else 0.0
    lines = (
        f"Colour alone tells the class of {_percent(told.share)} of {told.images} "
        f"labelled images that it has not seen (95 % interval {_percent(told.low)} to "
        f"{_percent(told.high)}); the commonest class is {_percent(told.chance)}"
    )
    if told.low <= told.chance:
        return Advice("jitter", "yes", f"{lines}: colour tells nothing for sure.", basis)
    if part < MUCH:
        return Advice("jitter", "yes", f"{lines}: it helps, and leaves much to see.", basis)
    why = (
        f"{lines}. Changing the colours in training may take that away, or may be what "
        "holds where another stain or lamp changes them: the run compares both."
    )
    return Advice("jitter", "both", why + said, basis)


def weights(machine: Machine) -> Advice:
    """Do ImageNet's weights reach this machine?"""
    if machine.weights:
        names = " and ".join(machine.weights)
        why = f"ImageNet's weights of {names} are on this machine: a frozen start is cheap."
        return Advice("weights", machine.weights, why, MEASURED)
    why = (
        "ImageNet's weights are not on this machine. With a network torchvision fetches "
        "them (init=\"imagenet\", 45 MB for resnet18); without one, bring the file and "
        "name it by init."
    )
    return Advice("weights", None, why, MEASURED)


def labels(look: Look, recorded: Sequence[Finding]) -> Advice | None:
    """What does a label cost, in computing?"""
    known = [one for one in recorded if one.what == "labels"]
    if not known or not look.counts:
        return None
    worth = "; ".join(
        f"{_percent(one.mean)} ({_percent(one.low)} to {_percent(one.high)}) on {one.data}"
        for one in known
    )
    why = (
        f"{look.budget:,} labels may be read here. What pretraining saves of them was, "
        "at 5 % of the labels, as if one had had " + worth + ". Set the price of "
        "labelling so many images against hours of computing."
    )
    return Advice("labels", None, why, _recorded(known))


def _said(recorded: Sequence[Finding], what: What) -> tuple[str, str]:
    """What the records say of something, as a sentence, and on what that rests."""
    known = [one for one in recorded if one.what == what]
    if not known:
        return "", RULE
    each = "; ".join(
        f"{in_words(one.mean, one.low, one.high, one.pairs)} on {one.data}"
        for one in known
    )
    return f" With 5 % of the labels it added {each}.", _recorded(known)


def _recorded(known: Sequence[Finding]) -> str:
    return "recorded on " + " and ".join(one.data for one in known)


def _percent(share: float) -> str:
    if math.isinf(share):
        return "more than all" if share > 0 else "less than was tried"
    return f"{100 * share:.1f} %" if share < 0.095 else f"{100 * share:.0f} %"


def _time(minutes: float) -> str:
    if minutes < 1:
        return f"{60 * minutes:.0f} seconds"
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
