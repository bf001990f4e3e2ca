"""A small ensemble of regularised multilayer perceptrons for tables, trained as one.

What makes plain networks competitive on small tables is many regularisers together [1]_ and averaging [2]_, so several
narrow networks are held in one set of tensors (a CPU trains four as fast as one: the time goes to Python, not to
sums), each on its own order of the rows, with dropout, decoupled weight decay, label smoothing and early stopping.

References
----------
.. [1] Kadra et al. (2021), Well-tuned Simple Nets Excel on Tabular Datasets, NeurIPS.
.. [2] Gorishniy et al. (2025), TabM: parameter-efficient ensembling, ICLR; Holzmüller et al. (2024), RealMLP.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from advisor.deadline import Deadline
from advisor.errors import InvalidRun
from advisor.nets.losses import Kind, hold_out, target_matrix
from advisor.storage import read_json, write_json

HELD_OUT = 0.15
"""Share of the training rows that early stopping watches; our choice."""

EARLY_STOPPING_FROM = 500
"""Training rows from which some are held out; below, every row is learned from for all epochs. Our choice."""

STEPS_PER_EPOCH = 8
"""Wanted on small tables: the batch is the rows over this, within ``BATCHES``. Our choice."""

BATCHES = (16, 256)
"""Smallest and largest batch; our choice."""

PATIENCE = 0.3
"""Share of the epochs without improvement after which training stops; our choice."""

WARM_UP = 0.05
"""Share of the steps in which the learning rate rises; the rest follows a cosine."""


MASK_POOL = 1 << 20
"""Random numbers in the pool that dropout masks are cut from; our choice: dozens of steps without overlap."""


@dataclass(frozen=True)
class MlpSettings:
    """Shape, regularisation and schedule; ``kind`` is classes, labels, values or absolute (values by their median)."""

    kind: Kind
    n_features: int
    n_outputs: int
    members: int = 8
    width: int = 128
    layers: int = 2
    frequencies: int = 0
    frequency_scale: float = 0.3
    dropout: float = 0.2
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    learning_rate: float = 3e-3
    epochs: int = 80


class PackedMlp(nn.Module):
    """Several perceptrons in one set of tensors: (members, rows, features) → (members, rows, outputs).

    Parameters
    ----------
    settings : MlpSettings
        Its shape. With ``frequencies`` every feature is also seen through that many learned cosines [1]_.

    References
    ----------
    .. [1] Gorishniy et al. (2022), On embeddings for numerical features in tabular deep learning, NeurIPS.
    """

    def __init__(self, settings: MlpSettings) -> None:
        super().__init__()
        s = self.settings = settings
        self._pool: Tensor | None = None
        width_in = s.n_features
        if s.frequencies:
            shape = (s.members, 1, s.n_features, s.frequencies)
            self.frequency = nn.Parameter(torch.randn(shape) * s.frequency_scale)
            self.phase = nn.Parameter(torch.rand(shape) * 2 - 1)
            self.mix = nn.Parameter(torch.randn(s.members, s.n_features, s.frequencies, 3) * 0.3)
            width_in *= 4
        sizes = [width_in] + [s.width] * s.layers + [s.n_outputs]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            gain = 0.0 if i == s.layers else math.sqrt(2.0 / n_in)  # the output starts at its bias
            self.weights.append(nn.Parameter(torch.randn(s.members, n_in, n_out) * gain))
            self.biases.append(nn.Parameter(torch.zeros(s.members, 1, n_out)))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs of every member."""
        s = self.settings
        if s.frequencies:
            waves = torch.cos(2 * math.pi * (x.unsqueeze(-1) * self.frequency + self.phase))
            waves = torch.einsum("mrfk,mfko->mrfo", waves, self.mix)
            x = torch.cat([x, waves.flatten(2)], dim=-1)
        for i in range(s.layers):
            x = functional.silu(torch.baddbmm(self.biases[i], x, self.weights[i]))
            if self.training and s.dropout:
                x = x * self._mask(x)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])

    def _mask(self, x: Tensor) -> Tensor:
        """Cut a dropout mask from a pool drawn once, at a random place.

        Drawing fresh ones takes 40 % of the time of a step on a CPU (PyTorch 2.13).
        """
        if self._pool is None:
            keep = 1 - self.settings.dropout
            self._pool = (torch.rand(max(MASK_POOL, 2 * x.numel())) < keep).float() / keep
        start = int(torch.randint(len(self._pool) - x.numel() + 1, ()))
        return self._pool[start : start + x.numel()].view_as(x)


def train_mlp(
    values: NDArray[np.float64],
    y: NDArray[np.generic],
    row_weights: NDArray[np.float64] | None,
    blocks: NDArray[np.int64] | None,
    settings: MlpSettings,
    seed: int,
    deadline: Deadline,
) -> tuple[PackedMlp, bool]:
    """Train a packed ensemble.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features)
        Standardised and complete.
    y : ndarray
        Codes (n_rows,), 0/1 (n_rows, n_outputs), or standardised values (n_rows,).
    row_weights : ndarray of shape (n_rows,) or (n_rows, n_outputs) or None
        Of mean 1, in training and for early stopping; labels may each have their own.
    blocks : ndarray of int64 of shape (n_rows,) or None
        Rows of equal code are held out together.
    settings : MlpSettings
        Shape and schedule.
    seed : int
        Of initial weights, order of rows, dropout and the rows held out; the global generator is left as it was.
    deadline : Deadline
        Looked at between epochs.

    Returns
    -------
    PackedMlp
        In evaluation mode.
    bool
        Whether time ran out before the last epoch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Training(values, y, row_weights, blocks, settings).run(deadline)


def predict_mlp(net: PackedMlp, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the members' predictions.

    Parameters
    ----------
    net : PackedMlp
        Trained.
    values : ndarray of shape (n_rows, n_features)
        Standardised and complete.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_outputs)
        Probabilities of classes or labels, or values.
    """
    net.eval()
    with torch.no_grad():
        rows = torch.as_tensor(values, dtype=torch.float32)
        starts = range(0, max(1, len(rows)), PREDICT_ROWS)
        found = [_predictions(net, rows[i : i + PREDICT_ROWS]) for i in starts]
    joined: NDArray[np.float64] = torch.cat(found).numpy().astype(np.float64)
    return joined


PREDICT_ROWS = 8192
"""Rows predicted at once, for the sake of memory."""


def save_mlp(net: PackedMlp, folder: Path) -> None:
    """Write ``mlp.safetensors`` and ``mlp.json``.

    Parameters
    ----------
    net : PackedMlp
        Trained.
    folder : Path
        An existing empty folder.
    """
    safetensors.torch.save_file(net.state_dict(), folder / "mlp.safetensors")
    write_json(folder / "mlp.json", asdict(net.settings))


def load_mlp(folder: Path) -> PackedMlp:
    """Read what :func:`save_mlp` wrote.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    PackedMlp
        In evaluation mode.

    Raises
    ------
    InvalidRun
        If a file is missing or altered.
    """
    try:
        net = PackedMlp(MlpSettings(**read_json(folder / "mlp.json")))
        net.load_state_dict(safetensors.torch.load_file(folder / "mlp.safetensors"))
    except (OSError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise InvalidRun(
            f"expected a network in '{folder.name}', got {type(error).__name__}: {error}; train again"
        ) from error
    return net.eval()


def _predictions(net: PackedMlp, x: Tensor) -> Tensor:
    found = net(x.expand(net.settings.members, *x.shape))
    if net.settings.kind == "classes":
        found = found.softmax(dim=-1)
    elif net.settings.kind == "labels":
        found = found.sigmoid()
    return torch.as_tensor(found.mean(dim=0))


class _Training:
    """One run: the tensors, the schedule, and the best state so far."""

    def __init__(
        self,
        values: NDArray[np.float64],
        y: NDArray[np.generic],
        row_weights: NDArray[np.float64] | None,
        blocks: NDArray[np.int64] | None,
        settings: MlpSettings,
    ) -> None:
        self.settings = settings
        self.x = torch.as_tensor(values, dtype=torch.float32)
        kind = torch.long if settings.kind == "classes" else torch.float32
        self.y = torch.as_tensor(np.asarray(y), dtype=kind)
        if settings.kind in ("values", "absolute"):
            self.y = self.y.reshape(-1, 1)
        weights = np.ones(len(values)) if row_weights is None else row_weights
        weights = weights.reshape(len(values), -1)  # a column for every output, or one for all
        self.row_weights = torch.as_tensor(weights, dtype=torch.float32)
        order = torch.randperm(len(values))
        n_held = int(HELD_OUT * len(values)) if len(values) >= EARLY_STOPPING_FROM else 0
        target = target_matrix(y, settings.kind, settings.n_outputs)
        self.held, self.kept = hold_out(target, order, n_held, settings.kind, blocks)
        self.net = PackedMlp(settings)
        with torch.no_grad():
            self.net.biases[-1].copy_(self._first_guess().expand_as(self.net.biases[-1]))
        decayed = [p for p in self.net.parameters() if p.dim() == 3 and p.shape[1] > 1]
        others = [p for p in self.net.parameters() if not (p.dim() == 3 and p.shape[1] > 1)]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.95),
            fused=True,
        )

    def _first_guess(self) -> Tensor:
        """Start from the prior, or the centre: what the dummy says."""
        if self.settings.kind == "classes":
            counts = torch.bincount(self.y, minlength=self.settings.n_outputs).float() + 1
            return (counts / counts.sum()).log()
        if self.settings.kind == "labels":
            return self.y.mean(dim=0).clamp(1e-3, 1 - 1e-3).logit()
        return self.y.median() if self.settings.kind == "absolute" else self.y.mean()

    def run(self, deadline: Deadline) -> tuple[PackedMlp, bool]:
        """Train epoch by epoch."""
        batch = min(max(len(self.kept) // STEPS_PER_EPOCH, BATCHES[0]), BATCHES[1], len(self.kept))
        n_batches = len(self.kept) // batch
        epochs, best, best_epoch, state = self.settings.epochs, math.inf, 0, None
        truncated = False
        for epoch in range(epochs):
            self._epoch(epoch, n_batches, batch)
            if len(self.held):
                loss = self._held_out_loss()
                if loss < best:
                    best, best_epoch = loss, epoch
                    state = {k: v.clone() for k, v in self.net.state_dict().items()}
                elif epoch - best_epoch > PATIENCE * epochs:
                    break
            if deadline.passed() and epoch + 1 < epochs:
                truncated = True
                break
        if state is not None:
            self.net.load_state_dict(state)
        return self.net.eval(), truncated

    def _epoch(self, epoch: int, n_batches: int, batch: int) -> None:
        self.net.train()
        members = self.settings.members
        orders = torch.rand(members, len(self.kept)).argsort(dim=1)
        total = self.settings.epochs * n_batches
        for i in range(n_batches):
            done = (epoch * n_batches + i + 1) / total
            rate = done / WARM_UP if done < WARM_UP else 0.5 * (1 + math.cos(math.pi * done))
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.learning_rate * min(1.0, rate)
            rows = self.kept[orders[:, i * batch : (i + 1) * batch]]
            loss = self._loss(self.net(self.x[rows]), self.y[rows], self.row_weights[rows])
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()

    def _loss(self, found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
        """Sum over members, so that none of them feels how many there are; mean over rows."""
        s = self.settings
        if s.kind == "classes":
            each = functional.cross_entropy(
                found.flatten(0, 1),
                wanted.flatten(),
                label_smoothing=s.label_smoothing,
                reduction="none",
            ).view_as(weights)
        elif s.kind == "labels":
            smooth = wanted * (1 - s.label_smoothing) + 0.5 * s.label_smoothing
            each = functional.binary_cross_entropy_with_logits(found, smooth, reduction="none")
        elif s.kind == "absolute":
            each = functional.smooth_l1_loss(found, wanted, beta=0.1, reduction="none")
        else:
            each = functional.mse_loss(found, wanted, reduction="none")
        return (each * weights).mean(dim=(1, 2)).sum()

    def _held_out_loss(self) -> float:
        """Weigh rows as in training: judged without weights, every step towards rare classes would be a worse one."""
        self.net.eval()
        with torch.no_grad():
            found, wanted = _predictions(self.net, self.x[self.held]), self.y[self.held]
        if self.settings.kind == "classes":
            logs = found.clamp_min(1e-9).log()
            each = functional.nll_loss(logs, wanted, reduction="none").unsqueeze(-1)
        elif self.settings.kind == "labels":
            each = functional.binary_cross_entropy(found, wanted, reduction="none")
        elif self.settings.kind == "absolute":
            each = functional.l1_loss(found, wanted, reduction="none")
        else:
            each = functional.mse_loss(found, wanted, reduction="none")
        weights = self.row_weights[self.held].expand_as(each)
        return float((each * weights).sum() / weights.sum())
