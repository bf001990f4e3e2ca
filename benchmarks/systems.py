"""The systems that are compared, and where each runs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class System:
    """One driver with its variant.

    Attributes
    ----------
    driver : str
        Module of ``rivals/``.
    variant : str or None
        Second argument of the driver.
    env : str or None
        Environment that ``make_rivals.sh`` makes; ``None`` for the one that runs this.
    packages : tuple of str
        Distributions whose versions are worth a line.
    """

    driver: str
    variant: str | None = None
    env: str | None = None
    packages: tuple[str, ...] = ()

    def command(self, rivals: Path, job: Path) -> list[str]:
        """Build the command that does a job.

        Parameters
        ----------
        rivals : Path
            Folder of the environments.
        job : Path
            The job file.

        Returns
        -------
        list of str
            Program and arguments.
        """
        variant = [self.variant] if self.variant else []
        return [str(self.python(rivals)), "-m", f"rivals.{self.driver}", str(job), *variant]

    def python(self, rivals: Path) -> Path:
        """Find the interpreter of this system under ``rivals``."""
        return rivals / self.env / "bin" / "python" if self.env else Path(sys.executable)

    def versions(self, rivals: Path) -> str:
        """Ask the interpreter under ``rivals`` for names and versions of ``packages``, in one line."""
        code = (
            "import importlib.metadata as m, sys\n"
            "print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
        )
        command = [str(self.python(rivals)), "-c", code, *self.packages]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


SYSTEMS = {
    "ours": System("ours", packages=("regime-advisor", "scikit-learn", "optuna")),
    "linear": System("by_hand", "linear", packages=("scikit-learn",)),
    "random_forest": System("by_hand", "random_forest", packages=("scikit-learn",)),
    "lightgbm": System("by_hand", "lightgbm", packages=("lightgbm",)),
    "lightgbm_tuned": System("by_hand", "lightgbm_tuned", packages=("lightgbm",)),
    "xgboost": System("by_hand", "xgboost", packages=("xgboost",)),
    "catboost": System("by_hand", "catboost", packages=("catboost",)),
    "autogluon_medium": System(
        "autogluon_tabular", "medium_quality", "autogluon", ("autogluon.tabular",)
    ),
    "autogluon_best": System(
        "autogluon_tabular", "best_quality", "autogluon", ("autogluon.tabular",)
    ),
    "flaml": System("flaml_automl", None, "flaml", ("FLAML",)),
    "mljar": System("mljar_supervised", "Compete", "mljar", ("mljar-supervised",)),
}
