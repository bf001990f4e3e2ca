"""What a network says of pool rows → what they are taken for, and how much each counts in a step.

Five published ways to tell which pseudo-labels to trust, made interchangeable: one sure enough for a fixed bound [1]_,
for one that is lower where a class is learned late [2]_, for one that rises as the network grows sure [3]_, all of them
by how sure they are [4]_, or for one that is relative to how sure the network is of labelled rows, once class shares
are aligned [5]_. They know nothing of networks: probabilities go in, targets and weights come out.

References
----------
.. [1] Sohn et al. (2020), FixMatch, arXiv 2001.07685.
.. [2] Zhang et al. (2021), FlexMatch, arXiv 2110.08263.
.. [3] Wang et al. (2023), FreeMatch, arXiv 2205.07246.
.. [4] Chen et al. (2023), SoftMatch, arXiv 2301.10921.
.. [5] Berthelot et al. (2022), AdaMatch, arXiv 2106.04732.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from advisor.errors import InvalidRequest

FIXED = 0.95
"""Least probability of FixMatch, and the highest one of FlexMatch; theirs."""

RELATIVE = 0.9
"""Least probability of AdaMatch over the mean one of labelled rows; theirs."""

DEVIATIONS = 2.0
"""Deviations of probability below the mean at which SoftMatch's weight has fallen to exp(-2); of its authors' code."""

MEMORY = 0.999
"""Share that a moving mean keeps of itself in a step, at most; theirs, for a million steps."""

YOUNG = 10
"""In step t a moving mean keeps (1 + t) / (10 + t) at most, so that a few hundred steps suffice; our choice, and that
of the averaged weights in :mod:`advisor.nets.training`."""

FAIRNESS = 0.01
"""What to multiply the fairness penalty by; FreeMatch's, where there are few classes."""

TINY = 1e-8
"""Stands in for zero where something is divided by it."""


class Threshold(ABC):
    """Trust in pseudo-labels, with whatever moves from step to step.

    Parameters
    ----------
    n_classes : int
        Classes, 2 at least.
    n_pool : int
        Rows of the pool.
    """

    def __init__(self, n_classes: int, n_pool: int) -> None:
        self.n_classes, self.n_pool = n_classes, n_pool
        self.turn = 0

    def weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Tell what the pool rows of a step are taken for, and update what moves.

        Parameters
        ----------
        weak : Tensor of shape (n, n_classes)
            Class probabilities of weak views of pool rows.
        labelled : Tensor of shape (m, n_classes)
            Class probabilities of the labelled rows of the step.
        rows : Tensor of int64 of shape (n,)
            Where the pool rows stand in the pool.

        Returns
        -------
        targets : Tensor of shape (n, n_classes)
            Class shares to learn; each row sums to one.
        weights : Tensor of shape (n,)
            How much each row counts, from 0 to 1. The loss is the mean of all n weighted ones, trusted or not.
        """
        weak, labelled = weak.detach().float(), labelled.detach().float()
        if not len(weak):
            return weak, weak.new_zeros(0)
        made = self._weigh(weak, labelled, rows.to(weak.device))
        self.turn += 1
        return made

    @abstractmethod
    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Do what ``weigh`` says; nothing here has a gradient."""

    def fairness(self, weak: Tensor, strong: Tensor, weights: Tensor) -> Tensor:
        """Penalise class shares that stray from those expected, before ``FAIRNESS`` is applied; zero but for FreeMatch.

        Parameters
        ----------
        weak, strong : Tensor of shape (n, n_classes)
            Class probabilities of weak and of strong views of pool rows; the latter with their gradient.
        weights : Tensor of shape (n,)
            What ``weigh`` gave: rows of weight zero are left out.

        Returns
        -------
        Tensor
            One number.
        """
        return strong.new_zeros(())

    def _moved(self, old: Tensor, new: Tensor) -> Tensor:
        """Move a mean towards what was seen now, faster in the first steps."""
        keep = min(MEMORY, (1 + self.turn) / (YOUNG + self.turn))
        return keep * old.to(new.device) + (1 - keep) * new

    def _even(self) -> Tensor:
        """Equal shares of all classes."""
        return torch.full((self.n_classes,), 1 / self.n_classes)


class FixMatch(Threshold):
    """Hard labels of probability ``FIXED`` and more, all else left out."""

    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        sure, _ = weak.max(dim=1)
        return hardened(weak), (sure >= FIXED).float()


class FlexMatch(Threshold):
    """Hard labels above a bound of each class: the lower, the fewer rows have been labelled surely with it so far.

    The bound of a class is ``FIXED`` times x / (2 - x), with x its sure rows over those of the class that has most, or
    over the rows that no class has yet, if they are more. Rows that have not come up in any step are not counted among
    the latter, unlike in the paper: in a few hundred steps many never do, and all labels would be believed.
    """

    def __init__(self, n_classes: int, n_pool: int) -> None:
        super().__init__(n_classes, n_pool)
        self.labels = torch.full((n_pool,), -1)
        self.seen = torch.zeros(n_pool, dtype=torch.bool)

    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.labels, self.seen = self.labels.to(weak.device), self.seen.to(weak.device)
        sure, codes = weak.max(dim=1)
        self.seen[rows] = True
        certain = sure >= FIXED
        self.labels[rows[certain]] = codes[certain]
        known = self.labels[self.labels >= 0]
        counts = torch.bincount(known, minlength=self.n_classes).float()
        unsure = self.seen.sum() - len(known)
        status = counts / torch.maximum(counts.max(), unsure).clamp(min=1)
        bound = FIXED * status / (2 - status)
        return hardened(weak), (sure >= bound[codes]).float()


class FreeMatch(Threshold):
    """Hard labels above the moving mean of probability, lower for classes that are seldom named; with fairness."""

    def __init__(self, n_classes: int, n_pool: int) -> None:
        super().__init__(n_classes, n_pool)
        self.sure = torch.tensor(1 / n_classes)
        self.shares, self.named = self._even(), self._even()

    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        sure, codes = weak.max(dim=1)
        self.sure = self._moved(self.sure, sure.mean())
        self.shares = self._moved(self.shares, weak.mean(dim=0))
        self.named = self._moved(self.named, hardened(weak).mean(dim=0))
        bound = self.sure * self.shares / self.shares.max()
        return hardened(weak), (sure >= bound[codes]).float()

    def fairness(self, weak: Tensor, strong: Tensor, weights: Tensor) -> Tensor:
        """Negative cross-entropy of the expected shares, over how often classes are named, and those of the step.

        Classes that no trusted strong view is named by say nothing in this step.
        """
        strong = strong.float()[weights > 0]
        if not len(strong):
            return strong.sum()
        named = hardened(strong.detach()).mean(dim=0)
        present = named > 0
        # Shared out among these alone: nearly all would go to a class that has hardly ever been named.
        often = self.named.to(strong.device)[present].clamp(min=TINY)
        expected = self.shares.to(strong.device)[present] / often
        expected = expected / expected.sum()
        found = strong.mean(dim=0)[present] / named[present]
        return (expected * torch.log(found / found.sum())).sum()


class SoftMatch(Threshold):
    """Hard labels, all of them, weighted by how far their probability lies below its moving mean.

    Weights, not targets, are of probabilities that were made uniform over the classes, so that easy classes do not
    crowd out hard ones.
    """

    def __init__(self, n_classes: int, n_pool: int) -> None:
        super().__init__(n_classes, n_pool)
        self.mean, self.variance = torch.tensor(1 / n_classes), torch.tensor(1.0)
        self.shares = self._even()

    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.shares = self._moved(self.shares, weak.mean(dim=0))
        sure, _ = aligned(weak, self._even().to(weak.device), self.shares).max(dim=1)
        self.mean = self._moved(self.mean, sure.mean())
        if len(sure) > 1:
            self.variance = self._moved(self.variance, sure.var())
        below = (self.mean.to(sure.device) - sure).clamp(min=0)
        spread = 2 * self.variance.to(sure.device) / DEVIATIONS**2
        return hardened(weak), torch.exp(-(below**2) / spread.clamp(min=TINY))


class AdaMatch(Threshold):
    """Soft labels whose class shares were made those of labelled rows, above a share of how sure those are."""

    def __init__(self, n_classes: int, n_pool: int) -> None:
        super().__init__(n_classes, n_pool)
        self.wanted, self.shares = self._even(), self._even()

    def _weigh(self, weak: Tensor, labelled: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.shares = self._moved(self.shares, weak.mean(dim=0))
        if len(labelled):
            self.wanted = self._moved(self.wanted, labelled.mean(dim=0))
        targets = aligned(weak, self.wanted.to(weak.device), self.shares)
        known = labelled.max(dim=1).values.mean() if len(labelled) else weak.new_ones(())
        return targets, (targets.max(dim=1).values >= RELATIVE * known).float()


KINDS: dict[str, type[Threshold]] = {
    "fixmatch": FixMatch,
    "flexmatch": FlexMatch,
    "freematch": FreeMatch,
    "softmatch": SoftMatch,
    "adamatch": AdaMatch,
}
"""By name."""


def make_threshold(name: str, n_classes: int, n_pool: int) -> Threshold:
    """Make one way of trusting pseudo-labels, as it is before the first step.

    Parameters
    ----------
    name : str
        One of ``KINDS``.
    n_classes, n_pool : int
        Classes, and rows of the pool.

    Returns
    -------
    Threshold

    Raises
    ------
    InvalidRequest
        For another name.
    """
    if name not in KINDS:
        raise InvalidRequest(f"expected a thresholding among {', '.join(KINDS)}, got '{name}'")
    return KINDS[name](n_classes, n_pool)


def hardened(probabilities: Tensor) -> Tensor:
    """Put all of each row on its most probable class; (n, n_classes) → (n, n_classes)."""
    codes = probabilities.argmax(dim=1)
    return functional.one_hot(codes, probabilities.shape[1]).to(probabilities.dtype)


def aligned(probabilities: Tensor, wanted: Tensor, found: Tensor) -> Tensor:
    """Scale class probabilities so that their mean comes nearer to wanted class shares.

    Parameters
    ----------
    probabilities : Tensor of shape (n, n_classes)
        Of some rows.
    wanted, found : Tensor of shape (n_classes,)
        Class shares to have, and those that such rows have.

    Returns
    -------
    Tensor of shape (n, n_classes)
        Each row sums to one.

    Examples
    --------
    >>> aligned(torch.tensor([[0.6, 0.4]]), torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor([[0.3333, 0.6667]])
    """
    made = probabilities * (wanted / found.clamp(min=TINY))
    return made / made.sum(dim=1, keepdim=True).clamp(min=TINY)
