"""Small networks for pictures with nothing learned beforehand.

They are there so that the advice against training from nothing can be audited, and for pictures that no pretrained
backbone knows anything about.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

SCRATCH_PREFIX = "scratch:"
"""Before the name of such a network where a backbone's name would stand."""


class SmallCnn(nn.Module):
    """Four blocks of convolution, norm and pooling, then the mean: (n, 3, side, side) → (n, ``width`` * 8).

    Parameters
    ----------
    width : int
        Channels of the first block; every further one doubles them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(n_out),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
                for n_in, n_out in pairwise(sizes)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute features."""
        found: Tensor = self.stages(x)
        return found.mean(dim=(2, 3))


class _Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.short: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.short = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Add the two."""
        found: Tensor = self.path(x) + self.short(x)
        return found.relu()


class ResNet10(nn.Module):
    """A residual network of one block per stage [1]_: (n, 3, side, side) → (n, ``width`` * 8).

    Parameters
    ----------
    width : int
        Channels of the first stage; every further one doubles them.

    References
    ----------
    .. [1] He et al. (2016), Deep residual learning for image recognition.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *(
                _Residual(n_in, n_out, 1 if i == 0 else 2)
                for i, (n_in, n_out) in enumerate(pairwise(sizes))
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute features."""
        found: Tensor = self.stages(self.stem(x))
        return found.mean(dim=(2, 3))


NETS: dict[str, type[SmallCnn] | type[ResNet10]] = {"small_cnn": SmallCnn, "resnet10": ResNet10}
"""By name."""
