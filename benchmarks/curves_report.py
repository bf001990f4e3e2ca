"""Results of a small-label campaign → its section of benchmarks/README.md and the curves beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from readme import markdown_table, write_section

FIGURES = Path(__file__).parent

WIDTH = 120

NO_STRATEGY = frozenset({"by_hand", "advise", "autofit"})
"""Systems that are not one of our single strategies."""

LEGEND = """\
Test {metric} in %, mean ± standard deviation over {seeds} draws of so many labelled {items} per class. A single
strategy is its default configuration, fitted once; `by_hand` is {by_hand}; `autofit` has {seconds:g} s on {jobs} cores
for everything. Seconds are those of the fit, with frozen features of the {items} already in the cache."""


def write_report(
    results: Path, script: str, about: Mapping[str, str], seconds: float, jobs: int
) -> None:
    """Write the section and draw the curves.

    Parameters
    ----------
    results : Path
        The JSONL file.
    script : str
        Which campaign, by its name.
    about : mapping
        Its ``title``, ``items`` and ``by_hand``.
    seconds : float
        Time limit of the ``autofit`` runs to report.
    jobs : int
        Cores of the runs to report.
    """
    figure = FIGURES / f"{script}.png"
    rows = pd.read_json(results, lines=True)
    rows = rows[(rows["jobs"] == jobs) & (rows["limit"].isna() | (rows["limit"] == seconds))]
    rows = rows.drop_duplicates(["system", "set", "labels", "seed"], keep="last")
    if rows.empty:
        raise SystemExit(f"{results} has no run on {jobs} cores")
    scored = rows[rows["error"].isna() & rows["test_score"].notna()]
    machines = "; ".join(sorted(set(rows["machine"])))
    days = sorted(set(rows["when"].astype(str).str[:10]))
    counts = ",".join(str(n) for n in sorted(rows["labels"].unique()))
    command = (
        f"python benchmarks/{script}.py --labels {counts} --seeds {rows['seed'].max() + 1} --seconds {seconds:g} "
        f"--jobs {jobs} --report"
    )
    seeds = f"{scored.groupby(['system', 'set', 'labels']).size().max()}"
    parts = [
        f"## {about['title']}",
        f"`{command}`, {' to '.join(sorted({days[0], days[-1]}))}. Machine: {machines}.",
        fill(
            LEGEND.format(
                metric=" or ".join(sorted(set(scored["metric"]))),
                seeds=f"up to {seeds}",
                items=about["items"],
                by_hand=about["by_hand"],
                seconds=seconds,
                jobs=jobs,
            ),
            WIDTH,
        ),
        f"![Curves of the score against labels per class]({figure.name})",
    ]
    for name, part in scored.groupby("set"):
        parts += [f"### {name} ({part['metric'].iloc[0]})", _table(part)]
    parts.append(_summary(rows, scored))
    write_section(script, "\n\n".join(parts))
    draw_curves(scored, figure)


def _table(part: pd.DataFrame) -> str:
    """One line per system, one column per number of labels."""
    points = sorted(part["labels"].unique())
    lines = []
    for system in _ordered(part["system"].unique()):
        mine = part[part["system"] == system]
        cells = []
        for n in points:
            at = mine[mine["labels"] == n]
            if at.empty:
                cells.append("–")
                continue
            score = 100 * at["test_score"]
            seconds = at["fit_seconds"].mean()
            cells.append(f"{score.mean():.1f} ± {score.std(ddof=0):.1f} ({seconds:.0f} s)")
        lines.append([f"**{system}**" if system == "autofit" else str(system), *cells])
    return markdown_table(["labels per class", *(str(n) for n in points)], lines)


def _ordered(systems: np.ndarray) -> list[str]:
    """The single strategies by name, then the baseline, then autofit."""
    return sorted(systems, key=lambda s: (s == "autofit", s == "by_hand", s))


def _summary(rows: pd.DataFrame, scored: pd.DataFrame) -> str:
    """What the product is held to: against the best single strategy, the baseline, and the regret of the advice."""
    table = scored.pivot_table(
        index=["set", "labels", "seed"], columns="system", values="test_score"
    )
    single = [c for c in table.columns if c not in NO_STRATEGY]
    lines = []
    if "autofit" in table:
        # The same draws on both sides: one draw differs from the next by more than strategies do.
        points = table.dropna(subset="autofit").groupby(level=["set", "labels"]).mean()
        lead = 100 * (points["autofit"] - points[single].max(axis=1)).dropna()
        lines.append(
            f"- `autofit` against the best single strategy of each point (chosen after the fact, same draws): "
            f"{lead.mean():+.2f} points on average, {lead.min():+.2f} at worst; no more than 1 point behind at "
            f"{int((lead >= -1).sum())} of {len(lead)} points."
        )
        if "by_hand" in table:
            ahead = 100 * (table["autofit"] - table["by_hand"]).dropna()
            lines.append(
                f"- `autofit` against `by_hand`: {ahead.mean():+.2f} points on average over {len(ahead)} runs "
                f"({int((ahead > 0).sum())} better, {int((ahead < 0).sum())} worse)."
            )
        own = scored[(scored["system"] == "autofit") & scored["reported"].notna()]
        held = (own["low"] <= own["test_score"]) & (own["test_score"] <= own["high"])
        optimism = 100 * (own["reported"] - own["test_score"])
        lines.append(
            f"- The 95 % interval of `autofit` held the test score in {int(held.sum())} of {len(own)} runs; mean "
            f"optimism {optimism.mean():+.2f} points."
        )
    advice = rows[(rows["system"] == "advise") & rows["error"].isna()]
    regrets = []
    for row in advice.itertuples():
        at = (row.set, row.labels, row.seed)
        if at in table.index and row.choice in table.columns:
            regrets.append(100 * (table.loc[at, single].max() - table.loc[at, row.choice]))
    regrets = [r for r in regrets if np.isfinite(r)]
    untold = len(advice) - len(regrets)
    beside = f" ({untold} more advised a strategy that was not run there)" if untold else ""
    if regrets:
        lines.append(
            f"- Regret of the first choice of `advise` (best single strategy of the draw less the one advised, both "
            f"with defaults): {np.mean(regrets):.2f} points on average, {np.median(regrets):.2f} in the median, over "
            f"{len(regrets)} draws{beside}; {advice['fit_seconds'].mean():.0f} s per answer."
        )
    failed = rows[rows["error"].notna()]
    for row in failed.itertuples():
        lines.append(f"- Failed: {row.system} on {row.set}, {row.labels} per class: {row.error}.")
    return "\n".join(lines)


def draw_curves(scored: pd.DataFrame, path: Path) -> None:
    """Draw one panel per set, accuracy against labels per class.

    Parameters
    ----------
    scored : DataFrame
        Rows with ``set``, ``system``, ``labels``, ``test_score``.
    path : Path
        The PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted(scored["set"].unique())
    systems = _ordered(scored["system"].unique())
    colours = dict(zip(systems, plt.get_cmap("tab10").colors, strict=False))
    figure, panels = plt.subplots(1, len(names), figsize=(4.4 * len(names), 4.2), squeeze=False)
    for panel, name in zip(panels[0], names, strict=True):
        part = scored[scored["set"] == name]
        for system in systems:
            mine = part[part["system"] == system]
            if mine.empty:
                continue
            curve = 100 * mine.groupby("labels")["test_score"].mean()
            ours = system == "autofit"
            panel.plot(
                curve.index,
                curve.to_numpy(),
                marker="o",
                markersize=5 if ours else 3.5,
                linewidth=2.6 if ours else 1.2,
                linestyle="--" if system == "by_hand" else "-",
                color="black" if ours else colours[system],
                label=system,
                zorder=3 if ours else 2,
            )
        panel.set_xscale("log")
        ticks = sorted(part["labels"].unique())
        panel.set_xticks(ticks, [str(n) for n in ticks])
        panel.minorticks_off()
        panel.set_title(name)
        panel.set_xlabel("labels per class")
        panel.grid(alpha=0.25)
    panels[0][0].set_ylabel("test score, %")
    handles, labels = panels[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)
