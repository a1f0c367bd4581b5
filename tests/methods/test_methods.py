"""The methods by name, and what all settings of a method have."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.methods.settings import Settings


def test_tags_never_change() -> None:
    # Old records and keys hold them.
    assert (rotnet.Settings.tag, simclr.Settings.tag) == ("rotnet", "simclr")
    assert [(name, settings.tag) for name, settings in METHODS.items()] == [
        ("rotnet", "rotnet"),
        ("rotnet-jitter", "rotnet"),
        ("simclr", "simclr"),
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
    assert settings.objective(encoder).encoder is encoder
    chance = settings.chance(64)
    assert chance is not None
    assert chance > 0
