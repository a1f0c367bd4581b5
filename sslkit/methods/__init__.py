"""The methods by name: one file each, one line here."""

from __future__ import annotations

from sslkit.methods import rotnet, simclr

Settings = rotnet.Settings | simclr.Settings

METHODS: dict[str, Settings] = {
    "rotnet": rotnet.Settings(),
    "rotnet-jitter": rotnet.Settings(jitter=True),
    "simclr": simclr.Settings(),
}
