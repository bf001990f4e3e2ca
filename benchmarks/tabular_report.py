"""Results of benchmarks/tabular.py → its section of benchmarks/README.md."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from readme import markdown_table, write_section
from referee import ERRORS, optimism
from systems import SYSTEMS

RUN = ["dataset", "seed"]


def write_report(results: Path, seconds: float, jobs: int) -> None:
    """Write the section of one budget.

    Parameters
    ----------
    results : Path
        The JSONL file.
    seconds : float
        Budget of the runs to report.
    jobs : int
        Cores of the runs to report.
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
        _about(rows, order, seconds, jobs),
        _summary(rows, order),
        "Mean test score over the splits that all systems were given (of rmse and mae, less is better).",
        _scores(shared(rows, order), order),
    ]
    write_section(f"tabular {seconds:g}s", "\n\n".join(parts))


LEGEND = """\
{tables} tables; seed 0 is the given split, each other a fresh split of the same sizes. `?` and empty
cells are missing for all; no system sees a test target or the unlabelled pool. A run over three times
its budget (plus a minute) is killed and fails. *Rank*: mean over the splits that all {systems} systems
were given, ties averaged, failures last. *Behind ours*: share of the splits that both were given on
which ours has the better test score, ties half. All other columns are of all runs of a system.
*Optimism*: the system's own figure less the test score, in points (hundredths of the metric), mean and
worst; of rmse and mae, the mean in % of the test error; positive is too rosy. *In interval*: share of
runs whose 95 % interval holds the test score. *Fit*: seconds of the fit alone. *Peak*: resident memory
of the process tree."""


def _about(rows: pd.DataFrame, order: list[str], seconds: float, jobs: int) -> str:
    command = f"python benchmarks/tabular.py --seconds {seconds:g} --jobs {jobs}"
    command += f" --seeds {rows['seed'].nunique()} --systems {','.join(order)} --report"
    days = sorted(set(rows["when"].astype(str).str[:10]))
    of = {name: rows[rows["system"] == name]["versions"].unique() for name in order}
    found = "; ".join(f"{name} ({' and '.join(sorted(of[name]))})" for name in order)
    legend = LEGEND.format(tables=rows["dataset"].nunique(), systems=len(order))
    machines = "; ".join(sorted(set(rows["machine"])))
    when = " to ".join(sorted({days[0], days[-1]}))
    partly = _partly_run(rows, order)
    return f"`{command}`, {when}. Machine: {machines}. Versions: {found}.{partly}\n\n{legend}"


def _partly_run(rows: pd.DataFrame, order: list[str]) -> str:
    """Say which seeds only some of the systems were given; empty where all were given all."""
    told = []
    for seed, runs in rows.groupby("seed"):
        counts = runs["system"].value_counts()
        if len(counts) < len(order) or counts.nunique() > 1:
            given = ", ".join(f"{name} ({counts[name]})" for name in order if name in counts)
            told.append(f" Of seed {seed} only some were run so far: {given}.")
    return "".join(told)


def shared(rows: pd.DataFrame, systems: list[str]) -> pd.DataFrame:
    """Keep the runs on splits that all systems were given; parameters as in :func:`ranks`."""
    rows = rows[rows["system"].isin(systems)]
    given = rows.groupby(RUN)["system"].transform("nunique")
    return rows[given == len(systems)]


def behind(rows: pd.DataFrame, system: str, ours: str = "ours") -> tuple[float, int]:
    """Compare one system with ours on the splits that both were given.

    Parameters
    ----------
    rows : DataFrame
        As for :func:`ranks`.
    system, ours : str
        The two.

    Returns
    -------
    share : float
        Of splits on which ours is better, ties half; NaN where there are none.
    n_splits : int
        That both were given.
    """
    ranked = ranks(rows, [ours, system])
    better = (ranked[ours] < ranked[system]) + 0.5 * (ranked[ours] == ranked[system])
    return float(better.mean()), len(ranked)


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
    rows = shared(rows, systems)
    sign = rows["metric"].isin(ERRORS).map({True: -1.0, False: 1.0})
    goodness = (rows["test_score"] * sign).fillna(float("-inf"))
    wide = rows.assign(goodness=goodness).pivot(index=RUN, columns="system", values="goodness")
    return wide[systems].rank(axis=1, ascending=False, method="average")


def _summary(rows: pd.DataFrame, order: list[str]) -> str:
    ranked = ranks(rows, order)
    header = [
        "system",
        f"rank ({len(ranked)} splits)",
        "behind ours",
        "failed",
        "optimism, points",
        "worst",
    ]
    header += ["of errors, %", "in interval", "fit s, median", "most", "peak MB, median", "most"]
    cells = []
    for name in sorted(order, key=lambda name: ranked[name].mean()):
        own = rows[rows["system"] == name]
        share, n_both = behind(rows, name) if name != "ours" else (float("nan"), 0)
        fit = own["fit_seconds"].fillna(own["seconds"])
        cells.append(
            [
                f"**{name}**" if name == "ours" else name,
                f"{ranked[name].mean():.2f}" if len(ranked) else "–",
                f"{100 * share:.0f} % of {n_both}" if n_both else "–",
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
