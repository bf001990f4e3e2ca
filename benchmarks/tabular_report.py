"""Results of benchmarks/tabular.py → its section of benchmarks/README.md."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd

from readme import markdown_table, write_section
from referee import ERRORS, optimism
from systems import SYSTEMS

RUN = ["dataset", "seed"]


def write_report(results: Path, seconds: float, jobs: int, rivals: Path) -> None:
    """Write the section of one budget.

    Parameters
    ----------
    results : Path
        The JSONL file.
    seconds : float
        Budget of the runs to report.
    jobs : int
        Cores of the runs to report.
    rivals : Path
        Folder of the rivals' environments, for their versions.
    """
    rows = pd.read_json(results, lines=True, dtype={"dataset": str})
    rows = rows[(rows["limit"] == seconds) & (rows["jobs"] == jobs)]
    if rows.empty:
        raise SystemExit(f"{results} has no run of {seconds:g} s on {jobs} cores")
    for name in ("test_score", "reported", "low", "high", "fit_seconds"):
        rows[name] = pd.to_numeric(rows[name]) if name in rows else float("nan")
    # A repeated run replaces the one before it.
    rows = rows.drop_duplicates(["system", *RUN], keep="last")
    order = [name for name in SYSTEMS if name in set(rows["system"])]
    parts = [
        f"## Tables, {seconds:g} s, {jobs} cores",
        _about(rows, order, seconds, jobs, rivals),
        _summary(rows, order),
        "Mean test score over the seeds (of rmse and mae, less is better).",
        _scores(rows, order),
    ]
    write_section(f"tabular {seconds:g}s", "\n\n".join(parts))


LEGEND = """\
{tables} tables; seed 0 is the given split, each other a fresh split of the same sizes. `?` and empty
cells are missing for all; no system sees a test target or the unlabelled pool. A run over three times
its budget (plus a minute) is killed and fails. *Rank*: mean over the splits that all {systems} systems
were given, ties averaged, failures last. *Optimism*: the system's own figure less the test score, in
points (hundredths of the metric), mean and worst; of rmse and mae, the mean in % of the test error;
positive is too rosy. *In interval*: share of runs whose 95 % interval holds the test score. *Fit*:
seconds of the fit alone. *Peak*: resident memory of the process tree."""


def _about(rows: pd.DataFrame, order: list[str], seconds: float, jobs: int, rivals: Path) -> str:
    command = f"python benchmarks/tabular.py --seconds {seconds:g} --jobs {jobs}"
    command += f" --seeds {rows['seed'].nunique()} --systems {','.join(order)} --report"
    days = sorted(set(rows["when"].astype(str).str[:10]))
    found = "; ".join(f"{name} {_versions(name, rivals)}" for name in order)
    legend = LEGEND.format(tables=rows["dataset"].nunique(), systems=len(order))
    machines = "; ".join(sorted(set(rows["machine"])))
    when = " to ".join(sorted({days[0], days[-1]}))
    return f"`{command}`, {when}. Machine: {machines}. Versions: {found}.\n\n{legend}"


def _versions(system: str, rivals: Path) -> str:
    code = (
        "import importlib.metadata as m, sys\n"
        "print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    )
    python = SYSTEMS[system].python(rivals)
    command = [str(python), "-c", code, *SYSTEMS[system].packages]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "(version not found: its environment is gone)"
    return f"({ran.stdout.strip()})"


def ranks(rows: pd.DataFrame, systems: list[str]) -> pd.DataFrame:
    """Rank the systems on every split that all of them were given.

    Parameters
    ----------
    rows : DataFrame
        Columns ``system``, ``dataset``, ``seed``, ``metric``, ``test_score`` (NaN for a failure).
    systems : list of str
        Which to rank.

    Returns
    -------
    DataFrame of shape (n_splits, n_systems)
        1 is best; ties share the mean of their ranks, failures the mean of the last ones.
    """
    rows = rows[rows["system"].isin(systems)]
    sign = rows["metric"].isin(ERRORS).map({True: -1.0, False: 1.0})
    goodness = (rows["test_score"] * sign).fillna(float("-inf"))
    wide = rows.assign(goodness=goodness).pivot(index=RUN, columns="system", values="goodness")
    return wide.dropna()[systems].rank(axis=1, ascending=False, method="average")


def _summary(rows: pd.DataFrame, order: list[str]) -> str:
    ranked = ranks(rows, order)
    header = ["system", f"rank ({len(ranked)} splits)", "failed", "optimism, points", "worst"]
    header += ["of errors, %", "in interval", "fit s, median", "most", "peak MB, median", "most"]
    cells = []
    for name in sorted(order, key=lambda name: ranked[name].mean()):
        own = rows[rows["system"] == name]
        fit = own["fit_seconds"].fillna(own["seconds"])
        cells.append(
            [
                f"**{name}**" if name == "ours" else name,
                f"{ranked[name].mean():.2f}" if len(ranked) else "–",
                f"{int(own['test_score'].isna().sum())} of {len(own)}",
                *_honesty(own),
                f"{fit.median():.1f}",
                f"{fit.max():.1f}",
                f"{own['peak_mb'].median():.0f}",
                f"{own['peak_mb'].max():.0f}",
            ]
        )
    return markdown_table(header, cells)


def _honesty(own: pd.DataFrame) -> list[str]:
    """One system's runs → mean and worst optimism in points, mean of errors in %, coverage."""
    told = own.dropna(subset=["test_score", "reported"])
    gaps = pd.Series(
        [
            optimism(metric, reported, test)
            for metric, reported, test in zip(
                told["metric"], told["reported"], told["test_score"], strict=True
            )
        ],
        index=told.index,
        dtype=float,
    )
    of_errors = told["metric"].isin(ERRORS)
    points, errors = gaps[~of_errors], gaps[of_errors]
    bounded = own.dropna(subset=["test_score", "low", "high"])
    inside = bounded["test_score"].between(bounded["low"], bounded["high"])
    return [
        f"{points.mean():+.2f}" if len(points) else "–",
        f"{points.max():+.1f}" if len(points) else "–",
        f"{errors.mean():+.2f}" if len(errors) else "–",
        f"{100 * inside.mean():.0f} % of {len(bounded)}" if len(bounded) else "–",
    ]


def _scores(rows: pd.DataFrame, order: list[str]) -> str:
    cells = []
    for (dataset, metric), runs in rows.groupby(["dataset", "metric"], sort=True):
        line = [f"{dataset} ({metric})"]
        for name in order:
            own = runs[runs["system"] == name]["test_score"]
            failed = f" ({int(own.isna().sum())} failed)" if own.isna().any() else ""
            line.append((f"{own.mean():.4g}" if own.notna().any() else "–") + failed)
        cells.append(line)
    return markdown_table(["table", *order], cells)
