"""Any recipe at all, for hypothesis."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st

from sslkit.judging.protocols import PROTOCOLS
from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods import byol, rotnet, simclr, vicreg
from sslkit.runs.recipes import Data, Recipe
from sslkit.views.augment import Augmentation

positive = st.floats(1e-6, 1e6)
share = st.floats(0, 1)
count = st.integers(1, 10**9)
seeds = st.integers(0, 2**63 - 1)


@st.composite
def ordered(draw: st.DrawFn, low: float, high: float) -> tuple[float, float]:
    both = [draw(st.floats(low, high)) for _ in range(2)]
    return min(both), max(both)


views = st.builds(
    Augmentation,
    crop=st.none() | ordered(1e-3, 1),
    ratio=ordered(0.1, 10),
    flip=share,
    jitter=share,
    brightness=positive,
    contrast=positive,
    saturation=positive,
    hue=st.floats(0, 0.5),
    greyscale=share,
    blur=share,
    solarise=share,
)
trainings = st.builds(
    Training,
    optimiser=st.sampled_from(["adam", "adamw", "sgd"]),
    lr=positive,
    schedule=st.sampled_from(["cosine", "constant"]),
    warmup=st.floats(0, 1, exclude_max=True),
    epochs=count,
    steps=st.none() | count,
    batch_size=count,
    weight_decay=positive | st.just(0),
    sizes=st.lists(count, max_size=3).map(tuple),
)
data = st.builds(
    Data,
    name=st.text(),
    image_size=count,
    classes=st.none() | st.lists(st.text(), min_size=1).map(tuple),
    groups=st.none() | st.text(),
    test=st.sampled_from(["given", "image", "group"]),
    limit=st.none() | count,
    bits=st.none() | st.integers(8, 16),
    balance=st.booleans(),
    on_error=st.sampled_from(["raise", "skip"]),
)
methods = st.one_of(
    st.none(),
    st.builds(
        rotnet.Settings,
        before=views,
        after=st.none() | views.map(lambda one: one.colours),
        shuffled=st.booleans(),
    ),
    st.builds(
        simclr.Settings,
        augmentation=views,
        second=st.none() | views,
        temperature=positive,
        hidden=st.none() | count,
        embedding=count,
    ),
    st.builds(
        byol.Settings,
        augmentation=views,
        second=st.none() | views,
        momentum=st.tuples(share, share),
        predictor=st.booleans(),
        stop_gradient=st.booleans(),
        hidden=st.none() | count,
        embedding=count,
    ),
    st.builds(
        vicreg.Settings,
        augmentation=views,
        second=st.none() | views,
        invariance=positive,
        variance=positive,
        covariance=positive,
        hidden=st.none() | count,
        embedding=st.none() | count,
    ),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "data": data,
    "method": methods,
    "encoder": st.builds(
        EncoderSettings,
        backbone=st.sampled_from(["tiny", "resnet18", "resnet34", "resnet50"]),
        stem=st.sampled_from(["small", "image"]),
        init=st.text(),
    ),
    "pretraining": trainings,
    "downstream": trainings,
    "probe": trainings,
    "augmentation": views,
    "fraction": st.floats(0, 1),
    "labels": count,
    "draw": seeds,
    "seed": seeds,
    "pretraining_seed": seeds,
    "pretrain": st.sampled_from(["budget", "labelled", "all", "everything", "extra"]),
    "pretrain_images": st.none() | count,
    "extra_unlabelled": st.none() | data,
    "selection": st.sampled_from(["validation", "last"]),
    "protocols": st.lists(st.sampled_from([*PROTOCOLS]), min_size=1).map(tuple),
    "precision": st.text(),
    "arm": st.text(),
    "profile": st.text(),
    "variant": st.text(),
}


@st.composite
def any_recipe(draw: st.DrawFn) -> Recipe:
    values = draw(st.fixed_dictionaries(FIELDS))
    values[draw(st.sampled_from(["fraction", "labels"]))] = None
    if values["pretrain"] == "extra" and values["extra_unlabelled"] is None:
        values["pretrain"] = "everything"
    return Recipe(**values)
