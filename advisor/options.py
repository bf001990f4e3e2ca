"""The words of the command line → the options that the commands share, and the values they stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from advisor.errors import InvalidRequest

SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Units of a time limit."""

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)")
"""A number and perhaps a unit."""

BACKBONE_MARK = "@"
"""Between a backbone and a file of its weights; :data:`advisor.backbone.PATH_MARK`, which is heavy to import."""

LARGEST_SEED = 2**31 - 1
"""Of ``--seed``; equal to :data:`advisor.looking.LARGEST_SEED`, which is heavy to import."""

SPREADING = ("--backbone", "--groups", "--target")
"""Options that take one or several names."""

Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA",
        help="A table, or a folder: of train.* and perhaps test.* and unlabeled.*, or of pictures, texts or sounds.",
        show_default=False,
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        help="Column to predict (several 0/1 columns for multilabel); inferred if not given.",
        metavar="COL",
        show_default=False,
    ),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="binary, multiclass, multilabel or regression; inferred if not given.",
        metavar="T",
        show_default=False,
    ),
]
MetricName = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="What to judge by: roc_auc, log_loss, accuracy, f1_macro, rmse, mae ...",
        metavar="M",
        show_default=False,
    ),
]
Unlabeled = Annotated[
    Path | None,
    typer.Option(
        "--unlabeled",
        "--unlabelled",
        help="Rows without a target.",
        metavar="PATH",
        show_default=False,
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        help="Columns whose equal values stay on one side of splits; of files: name1, name2, folder or none.",
        metavar="COL...",
        show_default=False,
    ),
]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="Pretrained network: one of ours, any of timm or Hugging Face, or a folder; several are compared.",
        metavar="NAME",
        show_default=False,
    ),
]
BackbonePath = Annotated[
    Path | None,
    typer.Option(
        help="Its weights (.safetensors, .pth) or folder, instead of those of the hub.",
        metavar="PATH",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of splits and fits; 0 if not given.",
        metavar="N",
        min=0,
        max=LARGEST_SEED,
        show_default=False,
    ),
]
ProbeSeconds = Annotated[
    float | None,
    typer.Option(
        help="Seconds for measuring cheap strategies first.",
        metavar="S",
        min=1.0,
        show_default=False,
    ),
]
NoProbe = Annotated[
    bool, typer.Option("--no-probe", help="Rules and evidence only; nothing is measured.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", help="Write a self-contained page.", metavar="FILE", show_default=False),
]
Explain = Annotated[
    str | None,
    typer.Option(
        help="Say what a rule looks for, why, and who says so.", metavar="RULE", show_default=False
    ),
]
SuggestLabels = Annotated[
    int | None,
    typer.Option(
        "--suggest-labels",
        help="Choose the N unlabelled items most worth a label.",
        metavar="N",
        min=1,
        show_default=False,
    ),
]
ToLabel = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="CSV file for them, with an empty column to fill in.",
        metavar="FILE",
        show_default=False,
    ),
]
Plan = Annotated[
    Path | None,
    typer.Option(
        help="A plan from advise --json, edited or not.", metavar="FILE", show_default=False
    ),
]
TimeLimit = Annotated[
    str | None,
    typer.Option(
        help="Wall clock for everything, such as 30s, 5m or 1h; 5m if neither this nor --trials.",
        metavar="TIME",
        show_default=False,
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(
        help="At most so many configurations; makes runs of one seed equal.",
        metavar="N",
        min=1,
        show_default=False,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Worker processes; one per core if not given.", metavar="N", min=0, show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Run directory; runs/<name>-<time> if not given.", metavar="RUN", show_default=False
    ),
]
Resume = Annotated[
    Path | None, typer.Option(help="Go on with a run.", metavar="RUN", show_default=False)
]
SingleModel = Annotated[
    bool, typer.Option("--single-model", help="One model refitted on all rows, no ensemble.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")]
ClearCache = Annotated[bool, typer.Option("--clear", help="Delete it.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory of autofit.")]
NewRows = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="What to predict: a table, a folder with one, or pictures."
    ),
]
OutFile = Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.", metavar="FILE")]


def parse_duration(text: str) -> float:
    """Read a time limit.

    Parameters
    ----------
    text : str
        A number with ``s``, ``m`` or ``h``, or plain seconds.

    Returns
    -------
    float
        Seconds, above 0.

    Raises
    ------
    InvalidRequest
        If it is none.

    Examples
    --------
    >>> [parse_duration(text) for text in ("30s", "5m", "1h", "90")]
    [30.0, 300.0, 3600.0, 90.0]
    """
    found = DURATION.fullmatch(text.strip().lower())
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if seconds <= 0:
        raise InvalidRequest(
            f"expected a time limit such as 30s, 5m or 1h, got '{text}'; pass one as --time-limit"
        )
    return seconds


def spread(arguments: Sequence[str]) -> list[str]:
    """Let ``DATA --groups a b`` mean ``DATA --groups a --groups b``, which is what the parser knows.

    Parameters
    ----------
    arguments : sequence of str
        The command line. Only when it begins with DATA can a later bare word be no DATA.

    Returns
    -------
    list of str

    Examples
    --------
    >>> spread(["data.csv", "--groups", "a", "b", "--seed", "1"])
    ['data.csv', '--groups', 'a', '--groups', 'b', '--seed', '1']
    """
    if not arguments or arguments[0].startswith("-"):
        return list(arguments)
    words: list[str] = []
    option, values = "", 0
    for word in arguments:
        if word.startswith("-"):
            option, values = word, 0
        elif option in SPREADING:
            values += 1
            words += [option] if values > 1 else []
        words.append(word)
    return words


def refuse_together(**given: bool) -> None:
    """Refuse two options that exclude each other.

    Parameters
    ----------
    **given : bool
        Names of options with underscores, and whether each was given.

    Raises
    ------
    InvalidRequest
        If more than one was.
    """
    names = [f"--{name.replace('_', '-')}" for name, was_given in given.items() if was_given]
    if len(names) > 1:
        raise InvalidRequest(f"{' and '.join(names)} exclude each other; drop one of them")


def one_or_all(names: list[str] | None) -> str | list[str] | None:
    """Give one name as a word, several as a list, none as ``None``."""
    if not names:
        return None
    return names[0] if len(names) == 1 else names


def asked_backbones(names: list[str] | None, path: Path | None) -> tuple[str, ...]:
    """Put backbones and their weights into one word each.

    Parameters
    ----------
    names : list of str or None
        Of ``--backbone``.
    path : Path or None
        Of ``--backbone-path``.

    Returns
    -------
    tuple of str
        As :func:`advisor.backbone.find_backbone` takes them.

    Raises
    ------
    InvalidRequest
        If there is a path and not one name, which only a folder can do without, or nothing at the path.
    """
    if path is None:
        return tuple(names or ())
    if not path.exists():
        raise InvalidRequest(f"--backbone-path '{path}' does not exist")
    own = path.resolve().name.replace(BACKBONE_MARK, "_")  # what is behind the mark is the place
    named = names or ([own] if path.is_dir() else [])
    if len(named) != 1:
        raise InvalidRequest(
            "--backbone-path holds the weights of one network: expected one --backbone NAME with it (a timm model)"
        )
    return (f"{named[0]}{BACKBONE_MARK}{path.resolve()}",)


def repeated(**given: str | Path | list[str] | int | None) -> list[str]:
    """Write options that were given as words of a command line, a list as its option once per value.

    So it is understood wherever it stands: :func:`spread` knows several values only behind DATA.

    Examples
    --------
    >>> repeated(target=["a", "b"], metric=None, seed=3)
    ['--target', 'a', '--target', 'b', '--seed', '3']
    """
    words: list[str] = []
    for name, value in given.items():
        if value:
            values = value if isinstance(value, list) else [value]
            words += [word for v in values for word in (f"--{name.replace('_', '-')}", str(v))]
    return words
