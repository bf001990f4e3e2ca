"""Batches of token ids → embeddings: OpenVINO on the CPU where it can, else torch, behind the same call."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.backbone import TextCard
from advisor.backbones.engines.converting import (
    EXACT,
    convert_checked,
    kept_network,
    silent_openvino,
)
from advisor.backbones.engines.quiet import quiet_transformers
from advisor.backbones.weights import folder_fingerprint
from advisor.cache import ArrayCache
from advisor.deadline import Deadline

Ids = NDArray[np.int64]


class OpenVinoTexts:
    """A compiled encoder, one batch per core at a time: that is faster than all cores for one small batch.

    Parameters
    ----------
    card : TextCard
        Which encoder.
    folder : Path
        Its folder.
    threads : int
        Cores it may use.
    cache : ArrayCache
        Where the converted network is kept.

    Raises
    ------
    NotConverted
        If the encoder has to be run by torch.
    """

    def __init__(self, card: TextCard, folder: Path, threads: int, cache: ArrayCache) -> None:
        core = silent_openvino().Core()
        key = f"{card.source} {folder_fingerprint(card)[:16]} {card.pooling} {card.normalised}"
        model = kept_network(core, key, cache, lambda: _convert(card, folder))
        settings = EXACT | {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
        }
        compiled = core.compile_model(model, "CPU", settings)
        self._requests = [compiled.create_infer_request() for _ in range(threads)]

    def __call__(self, batches: Sequence[Ids], deadline: Deadline) -> list[NDArray[np.float32]]:
        """Embed batches of ids of shape (n, length), -1 behind the end of a text."""
        found: list[NDArray[np.float32]] = []
        waiting: deque[Any] = deque()
        free = deque(self._requests)
        try:
            for ids in batches:
                deadline.check()
                if not free:
                    found.append(_finished(waiting[0]))
                    free.append(waiting.popleft())
                free[0].start_async([ids])
                waiting.append(free.popleft())
            found += [_finished(request) for request in waiting]
        finally:
            for request in self._requests:
                request.wait()
        return found


def _finished(request: Any) -> NDArray[np.float32]:
    """Wait for what a request computes."""
    request.wait()
    return np.array(request.get_output_tensor(0).data, dtype=np.float32)


class TorchTexts:
    """An encoder in evaluation mode, on a GPU where there is one.

    Parameters
    ----------
    card : TextCard
        Which encoder.
    folder : Path
        Its folder.
    threads : int
        Cores it may use, where it runs on the CPU.
    """

    def __init__(self, card: TextCard, folder: Path, threads: int) -> None:
        import torch

        from advisor.backbones.engines.text_network import build_text

        self._torch, self._threads = torch, threads
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._net = build_text(card, folder, pretrained=True).to(self._device)

    def __call__(self, batches: Sequence[Ids], deadline: Deadline) -> list[NDArray[np.float32]]:
        """Embed batches of ids of shape (n, length), -1 behind the end of a text."""
        torch = self._torch
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        found = []
        try:
            with torch.inference_mode():
                for ids in batches:
                    deadline.check()
                    made = self._net(torch.from_numpy(ids).to(self._device))
                    found.append(np.asarray(made.float().cpu().numpy(), dtype=np.float32))
        finally:
            torch.set_num_threads(before)
        return found


def _convert(card: TextCard, folder: Path) -> Any:
    """Convert from torch, for any number of texts of any length."""
    import torch

    from advisor.backbones.engines.text_network import build_text

    net = build_text(card, folder, pretrained=True)
    config: Any = net.encoder.config
    most = int(config.vocab_size)
    draw = torch.Generator().manual_seed(0)

    def some(n: int, length: int) -> Any:
        ids = torch.randint(0, most, (n, length), generator=draw)
        for i in range(1, n):
            ids[i, length - i :] = -1
        return ids

    with quiet_transformers():
        return convert_checked(net, some(2, 7), [some(3, 12), some(1, 5)], [-1, -1])
