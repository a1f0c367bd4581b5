"""What to run on a reader's images, and why: rules, each with what it rests on.

Every rule is a function of what was seen (``Look``), of what a machine can do
(``Machine``) and of what the book's records say (``Finding``), and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from sslkit.folder.advice import MEASURED, RULE, Advice, percent
from sslkit.folder.capacity import backbone, memory, steps, weights
from sslkit.folder.cues import Told
from sslkit.folder.look import Look
from sslkit.folder.machine import Machine
from sslkit.folder.recorded import Finding, What
from sslkit.study.tables import in_words

FEW_GROUPS = 10  # a class: fewer make test scores a matter of who is among them
FEW_IMAGES = 192  # of colon3, 5 % of the labels: the fewest that records were made of
MUCH = 0.5  # of what there is to tell, from guessing to no error


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
    found = [
        network,
        steps(look, machine, str(network.value), minutes),
        memory(machine),
        doubles(look),
        groups(look),
        balance(look),
        simclr(look, recorded),
        rotnet(look, recorded),
        jitter(look, recorded),
        weights(machine),
        labels(look, recorded),
    ]
    return tuple(one for one in found if one is not None)


def doubles(look: Look) -> Advice | None:
    """Test images that training may see are no test."""
    found = look.doubles
    both = found.same_tested + found.near_tested
    if not both:
        return None
    why = (
        f"{both} test images are also among those that training may see "
        f"({found.same_tested} to the pixel, {found.near_tested} nearly): a score on "
        "them is too good. Take them out of one of the two."
    )
    return Advice("doubles", both, why, MEASURED)


def groups(look: Look) -> Advice | None:
    """Few images, or few slides? And do they leak?"""
    alike = look.own_group
    near = ""
    if alike is not None:
        near = (
            "The image most alike in colour and texture is of the same group for "
            f"{_told(alike)}."
        )
    if look.groups is not None:
        name, count = min(look.groups.items(), key=lambda group: group[1])
        if count >= FEW_GROUPS:
            why = f"Groups are kept together. {near}".strip()
            return Advice("groups", None, why, MEASURED)
        why = (
            f"'{name}' has {count} groups to train on: few, however many images they "
            "have. More groups (patients, slides) tell more than more images of these."
        )
        return Advice("groups", None, why, RULE)
    if not look.suggested:
        return None
    one = look.suggested[0]
    why = (
        f"By their names the images are of {one.groups} groups, as '{one.group}' of "
        f"'{one.file}'. {near} "
    )
    if not look.leaks:
        why += "That is no leak to speak of, if they are groups at all."
        return Advice("groups", None, why, MEASURED)
    why += (
        f"Groups that are split leak: {one.shared} of {look.tested} test images are of "
        "a group that training has in the same class."
    )
    if one.mixed > one.groups / 2:
        inside = one.pattern.replace("/(", "^([^/]+/", 1)
        why += f" If numbers start again in every class, the pattern is {inside}"
    return Advice("groups", one.pattern, why, MEASURED)


def balance(look: Look) -> Advice | None:
    """Classes that differ in size."""
    sizes = {name: parts["train"] for name, parts in look.counts.items()}
    if not sizes or look.balance > 1 / 2:
        return None
    small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    why = (
        f"'{large}' has {sizes[large]:,} training images and '{small}' "
        f"{sizes[small]:,}: the trials take all of them and count every class alike; "
        f"other commands draw labels from {sizes[small]:,} of each. More images of the "
        "small class are worth most."
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
        why = "There are too few images to say whether they have an up."
        return Advice("rotnet", "no", why, RULE)
    value, so = _TURNS[look.up]
    why = (
        f"Lines and colours tell by how many quarters an image was turned in "
        f"{_told(told)}; the light alone of its four quarters in "
        f"{percent(light.share)}. {so}"
    )
    said, basis = _said(recorded, "rotnet")
    blocks = next((one for one in recorded if one.what == "blocks"), None)
    if value != "no" and blocks and _as_stored(look):
        said += (
            f" Beware: JPEG files in their own size show a network their blocks, by "
            f"which lying and upright were told apart in {percent(blocks.mean)} of "
            f"the tiles of {blocks.data}, which have no up."
        )
    return Advice("rotnet", value, why + said, basis)


_TURNS = {
    "yes": ("yes", "There is an up, and turns can be learnt."),
    "no": ("no", "There is hardly an up: turns teach little of what is shown."),
    "light": (
        "open",
        "Most of that is light from one side. The sky over photographs is an up; the "
        "lamp of a microscope is none, and RotNet would learn it: which is it?",
    ),
    "open": ("open", "Whether that is an up is open: try it last."),
}


def _as_stored(look: Look) -> bool:
    """Whether the pixels are those of JPEG files, whose blocks have 8 a side."""
    files = look.files
    if files is None or files.native != look.size or look.size % 8:
        return False
    return files.formats.get("JPEG", 0) > files.count / 2


def jitter(look: Look, recorded: Sequence[Finding]) -> Advice | None:
    """Is colour the diagnosis? Then changing it may take that away, or help."""
    if not look.counts:
        return None
    told = look.colour
    said, basis = _said(recorded, "jitter")
    if told is None:
        why = "Too few labels say how far colour decides: compare both."
        return Advice("jitter", "both", why + said, basis)
    why = f"Colour alone tells the class of {_told(told)}"
    part = (told.share - told.chance) / (1 - told.chance)
    if told.low <= told.chance:
        return Advice("jitter", "yes", f"{why}: nothing for sure.{said}", basis)
    if part < MUCH:
        return Advice("jitter", "yes", f"{why}: it leaves much to see.{said}", basis)
    why += (
        ". To change colours in training may take that away, or may be what helps "
        "where another stain or lamp changes them anyway: compare both."
    )
    return Advice("jitter", "both", why + said, basis)


def labels(look: Look, recorded: Sequence[Finding]) -> Advice | None:
    """What does a label cost, in computing?"""
    known = [one for one in recorded if one.what == "labels"]
    if not known or not look.counts:
        return None
    worth = "; ".join(
        f"{percent(one.mean)} of them ({percent(one.low)} to {percent(one.high)}) on "
        f"{one.where}"
        for one in known
    )
    why = (
        f"{look.budget:,} labels may be read here. With 5 % of the labels, SimCLR on "
        "all images did as well as labels alone would have with " + worth + ". Set the "
        "price of labelling so many more against that of the computing."
    )
    return Advice("labels", None, why, _recorded(known))


def _said(recorded: Sequence[Finding], what: What) -> tuple[str, str]:
    """What the records say of something, as a sentence, and on what that rests."""
    known = [one for one in recorded if one.what == what]
    if not known:
        return "", RULE
    each = "; ".join(
        f"{in_words(one.mean, one.low, one.high, one.pairs)} on {one.where}"
        for one in known
    )
    return f" With 5 % of the labels it added {each}.", _recorded(known)


def _recorded(known: Sequence[Finding]) -> str:
    return "recorded on " + " and ".join(one.data for one in known)


def _told(told: Told) -> str:
    return (
        f"{percent(told.share)} of {told.images:,} images ({percent(told.low)} to "
        f"{percent(told.high)}; by guessing {percent(told.chance)})"
    )
