"""Methods: what is learnt without labels, by name. One file each, one line here."""

from __future__ import annotations

from sslkit.methods import byol, rotnet, simclr, vicreg
from sslkit.methods.settings import Settings
from sslkit.views.augment import Augmentation

METHODS: dict[str, Settings] = {
    "rotnet": rotnet.Settings(),
    "rotnet-jitter": rotnet.Settings(after=Augmentation().colours),
    "simclr": simclr.Settings(),
    "byol": byol.Settings(),
    "vicreg": vicreg.Settings(),
}
