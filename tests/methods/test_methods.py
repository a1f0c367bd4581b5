"""The methods by name, and what all settings of a method have."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import pytest

from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods import METHODS, byol, rotnet, simclr, vicreg
from sslkit.methods.settings import Settings


def test_tags_never_change() -> None:
    # Old records and keys hold them.
    assert (rotnet.Settings.tag, simclr.Settings.tag) == ("rotnet", "simclr")
    assert (byol.Settings.tag, vicreg.Settings.tag) == ("byol", "vicreg")
    assert [(name, settings.tag) for name, settings in METHODS.items()] == [
        ("rotnet", "rotnet"),
        ("rotnet-jitter", "rotnet"),
        ("simclr", "simclr"),
        ("byol", "byol"),
        ("vicreg", "vicreg"),
    ]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_called_by_its_name_and_decided_by_plain_values(name: str) -> None:
    settings = METHODS[name]
    assert settings.name == name
    assert "tag" not in {field.name for field in fields(settings)}
    with pytest.raises(FrozenInstanceError):
        setattr(settings, fields(settings)[0].name, None)


@pytest.mark.parametrize("name", METHODS)
def test_an_objective_trains_the_encoder_that_it_was_given(name: str) -> None:
    settings: Settings = METHODS[name]
    encoder = Encoder(EncoderSettings())
    objective = settings.objective(encoder)
    learning = {id(p) for p in objective.parameters() if p.requires_grad}
    assert {id(p) for p in encoder.parameters()} <= learning
    # What is judged is the encoder, or a copy of it that follows.
    assert (objective.encoder is encoder) == (name != "byol")


@pytest.mark.parametrize(
    ("name", "chance"),
    [
        ("rotnet", math.log(4)),
        ("rotnet-jitter", math.log(4)),
        ("simclr", math.log(127)),  # a collapse
        ("byol", 4.0),  # no agreement; a collapse would be 0
        ("vicreg", 24.75),  # a collapse
    ],
)
def test_chance_is_what_knowing_nothing_costs(name: str, chance: float) -> None:
    assert METHODS[name].chance(64) == pytest.approx(chance)
