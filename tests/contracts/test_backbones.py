"""Every backbone is ready or says what to do; a card of timm says what timm says, and its network can be built."""

from __future__ import annotations

import pytest

from advisor.backbone import CARD_TYPES, LOADERS, BackboneCard, ImageCard, load_cards, missing_for
from advisor.backbones.engines.published import size_of
from advisor.torchvision_cure import require_cured

OTHER_SIZES = {"vit_small_patch14_dinov2.lvd142m": 224}
"""Cards that see another size than timm's default on purpose; the card says why."""

CARDS = list(load_cards().values())
PICTURE_CARDS = [card for card in CARDS if isinstance(card, ImageCard)]


@pytest.mark.parametrize("card", PICTURE_CARDS, ids=lambda card: card.name)
def test_a_card_says_what_timm_says(card: ImageCard) -> None:
    """Preprocessing and licence are those published with the weights."""
    published = require_cured("timm").get_pretrained_cfg(card.source)
    size = OTHER_SIZES.get(card.name, published.input_size[1])
    assert (card.input_size, card.interpolation) == (size, published.interpolation)
    assert (card.mean, card.std) == (published.mean, published.std)
    assert card.crop_share == published.crop_pct
    assert card.licence.lower().startswith(published.license)
    if card.weights.startswith("hub:"):
        assert card.weights == f"hub:{published.hf_hub_id}"
        assert card.name == card.source


@pytest.mark.parametrize("card", PICTURE_CARDS, ids=lambda card: card.name)
def test_a_card_counts_its_network_right(card: ImageCard) -> None:
    """Width, parameters and multiply-adds are the network's own."""
    size = size_of(card.source, card.input_size)
    assert (card.width, card.parameters) == (size.width, size.parameters)
    assert card.multiply_adds == pytest.approx(size.multiply_adds, abs=1e-3)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_backbone_is_ready_or_says_what_to_do(card: BackboneCard) -> None:
    """The sentence names the backbone and the way out."""
    told = missing_for(card.name)
    assert not told or (card.name in told and ("--backbone" in told or "pip install" in told))
    assert isinstance(card, CARD_TYPES[card.modality])
    assert card.loader in LOADERS


def test_the_embedded_default_is_ready() -> None:
    """Its package is among the development requirements."""
    assert missing_for("efficientnet_lite0") == ""
