"""A trained network and items as numbers → predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advisor.nets.feeds import feed_of, parts_of
from advisor.nets.losses import meaning
from advisor.nets.network import Headed, folded

PREDICT_ROWS = 32
"""Items predicted at once; our choice: larger batches are no faster on a CPU."""

FOLD_FROM = 16
"""Items from which folding a network, which costs a few passes, pays; our choice."""


def predict(net: Headed, values: NDArray[Any]) -> NDArray[np.float64]:
    """Ask a trained network.

    Parameters
    ----------
    net : Headed
        In evaluation mode afterwards, where it was: on the CPU or a GPU.
    values : ndarray of shape (n, n_columns)
        As the representation makes them that it was trained on: pixels, or token ids.

    Returns
    -------
    ndarray of float64 of shape (n, n_outputs)
        Probabilities of classes or labels, or values.
    """
    s = net.settings
    found = np.zeros((len(values), s.n_outputs))
    feed = feed_of(values, net, torch.Generator())
    net = folded(net.eval()) if len(values) >= FOLD_FROM else net.eval()
    with torch.inference_mode():
        for rows in parts_of(feed.order, PREDICT_ROWS):
            answers = [meaning(net(view), s.kind) for view in feed.judged(rows)]
            found[rows.numpy()] = torch.stack(answers).mean(dim=0).cpu().double().numpy()
    return found
