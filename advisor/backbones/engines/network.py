"""A card and a file of weights → a torch module without classifier, every tensor accounted for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from advisor.backbone import ImageCard
from advisor.backbones.weights import need_weights
from advisor.cache import content_key
from advisor.errors import InvalidRun, quoted
from advisor.torchvision_cure import require_cured

State = dict[str, Tensor]


def build_net(
    card: ImageCard,
    *,
    pretrained: bool,
    drop: float = 0.0,
    drop_path: float = 0.0,
    n_classes: int = 0,
) -> nn.Module:
    """Make the network of a card.

    Parameters
    ----------
    card : ImageCard
        Of timm.
    pretrained : bool
        Load its weights; False for random ones.
    drop, drop_path : float
        Rates of dropout before the classifier and of stochastic depth.
    n_classes : int
        0 for embeddings of shape (n, card.width); otherwise the classifier is kept, and is loaded too.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the CPU.

    Raises
    ------
    MissingDependency
        If the weights are not on this machine.
    InvalidRun
        If the file of weights is not of this network, or not the one that the card says.
    """
    net: nn.Module = make_net(
        card.source, card.input_size, n_classes, drop=drop, drop_path=drop_path
    )
    if pretrained:
        path = need_weights(card)
        if card.sha256 and content_key(path) != card.sha256:
            raise InvalidRun(
                f"expected weights with SHA-256 {card.sha256[:12]}... in '{path.name}', "
                f"got {content_key(path)[:12]}...; install them again"
            )
        _load(net, path, card, keep_classifier=n_classes > 0)
    return net.eval()


def make_net(
    source: str, side: int, n_classes: int = 0, *, drop: float = 0.0, drop_path: float = 0.0
) -> Any:
    """Make a network of timm with random weights.

    Parameters
    ----------
    source : str
        timm's name.
    side : int
        Of the pictures it will see, in pixels.
    n_classes : int
        0 for embeddings.
    drop, drop_path : float
        Rates of dropout before the classifier and of stochastic depth.

    Returns
    -------
    torch.nn.Module
        In training mode.
    """
    timm = require_cured("timm")
    published = timm.get_pretrained_cfg(source)
    # Not every architecture takes every option, so none is passed that changes nothing.
    options: dict[str, Any] = {}
    if drop:
        options["drop_rate"] = drop
    if drop_path:
        options["drop_path_rate"] = drop_path
    if published is not None and published.fixed_input_size and published.input_size[1] != side:
        options["img_size"] = side
    return timm.create_model(source, pretrained=False, num_classes=n_classes, **options)


def _load(net: nn.Module, path: Path, card: ImageCard, *, keep_classifier: bool) -> None:
    state = _read(path)
    if "_conv_stem.weight" in state:
        state = rename_efficientnet(state, net)
    state = _fitting(state, net, keep_classifier=keep_classifier)
    differences = _differences(state, net)
    if differences:
        raise InvalidRun(
            f"expected weights of '{card.source}' in '{path.name}', got a file with {differences}; "
            "give the file that belongs to this model"
        )
    net.load_state_dict(state, strict=True)


def _fitting(state: State, net: nn.Module, *, keep_classifier: bool) -> State:
    """Drop the classifier, and let timm convert what an older version or another input size made."""
    if not keep_classifier:
        state = _without_classifier(state, net)
    convert = getattr(sys.modules[type(net).__module__], "checkpoint_filter_fn", None)
    if convert is None or not _differences(state, net):
        return state
    try:
        converted = dict(convert(state, net))
    except (KeyError, ValueError, RuntimeError, AttributeError, TypeError):
        return state  # not of this family: what differs is said in words by the caller
    return converted if keep_classifier else _without_classifier(converted, net)


def _read(path: Path) -> State:
    load = require_cured("timm").models.load_state_dict
    try:
        state = load(str(path), device="cpu", weights_only=True)
    except Exception as fault:
        raise InvalidRun(
            f"expected a safetensors or PyTorch file of weights at '{path.name}', "
            f"got {type(fault).__name__}: {str(fault).splitlines()[0][:200]}"
        ) from fault
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InvalidRun(f"expected a file of named tensors at '{path.name}', got something else")
    return dict(state)


def _without_classifier(state: Mapping[str, Tensor], net: nn.Module) -> State:
    names = getattr(net, "pretrained_cfg", {}).get("classifier") or ()
    prefixes = tuple(f"{n}." for n in ((names,) if isinstance(names, str) else names))
    kept = net.state_dict().keys()
    return {k: v for k, v in state.items() if k in kept or not k.startswith(prefixes)}


def _differences(state: Mapping[str, Tensor], net: nn.Module) -> str:
    wanted = net.state_dict()
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    parts = [
        f"{len(names)} {what} ({quoted(names, most=3)})"
        for names, what in (
            (missing, "missing tensors"),
            (unexpected, "unexpected tensors"),
            (shapes, "tensors of another shape"),
        )
        if names
    ]
    return ", ".join(parts)


STEM = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
"""Outside the blocks: the names of the original port of EfficientNet → timm's."""

FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""In a block without expansion."""

OTHERS = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}  # fmt: skip
"""In the other blocks."""


def rename_efficientnet(state: Mapping[str, Tensor], net: Any) -> State:
    """Give the tensors of the original PyTorch port of EfficientNet(-lite) the names they have in timm.

    Parameters
    ----------
    state : mapping of str to Tensor
        Named as ``_blocks.3._expand_conv.weight``, blocks counted through the stages.
    net : torch.nn.Module
        timm's network, whose stages say how the blocks are counted.

    Returns
    -------
    dict of str to Tensor
        A name that the rule does not know stays as it is, and is then reported as unexpected.
    """
    places = [f"blocks.{s}.{b}" for s, stage in enumerate(net.blocks) for b in range(len(stage))]
    expanded = {int(k.split(".")[1]) for k in state if k.endswith("_expand_conv.weight")}

    def new_name(name: str) -> str:
        first, *rest = name.split(".")
        if first != "_blocks":
            return ".".join([STEM.get(first, first), *rest])
        number, layer, *rest = rest
        names = OTHERS if int(number) in expanded else FIRST
        return ".".join([places[int(number)], names.get(layer, layer), *rest])

    return {new_name(name): tensor for name, tensor in state.items()}
