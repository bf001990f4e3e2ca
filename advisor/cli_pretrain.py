"""The command ``advisor pretrain``: a backbone goes on learning from the unlabelled pool.

Ctrl-C, ``kill`` and the time limit stop it between two steps; the same command goes on from there.
"""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import options as opt
from advisor.cli_exit import INTERRUPTED
from advisor.errors import InvalidRequest
from advisor.options import one_or_all, refuse_together

if TYPE_CHECKING:
    from types import FrameType

    from advisor.pretraining import Stoppable

Method = Annotated[
    str | None,
    typer.Option(
        help="simclr, moco, byol or mae (for ViTs) for pictures and recordings, mlm for texts.",
        metavar="NAME",
        show_default=False,
    ),
]
FromScratch = Annotated[
    bool, typer.Option("--from-scratch", help="Begin with random weights, not the pretrained ones.")
]
TimeLimit = Annotated[
    str | None,
    typer.Option(
        help="Stop after 30s, 10m or 1h; the same command then goes on.",
        metavar="TIME",
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(help="Steps to take at most.", metavar="N", min=1, show_default=False),
]
Device = Annotated[
    str | None,
    typer.Option(help="cpu or cuda; cuda if there is one.", metavar="NAME", show_default=False),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder for the weights; in the cache if not given.",
        metavar="FOLDER",
        show_default=False,
    ),
]


def pretrain(  # noqa: PLR0913 (the options of a command)
    data: opt.Data = None,
    target: opt.Target = None,
    task: opt.TaskName = None,
    unlabeled: opt.Unlabeled = None,
    groups: opt.Groups = None,
    method: Method = None,
    backbone: opt.Backbones = None,
    backbone_path: opt.BackbonePath = None,
    from_scratch: FromScratch = False,
    time_limit: TimeLimit = None,
    steps: Steps = None,
    seed: opt.Seed = None,
    device: Device = None,
    out: Folder = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train a backbone further on the unlabelled pool of DATA, as long as a probe on the labelled rows improves."""
    refuse_together(json=as_json, quiet=quiet)
    if data is None:
        raise InvalidRequest(
            "expected DATA, a file or a folder: advisor pretrain DATA; see advisor pretrain --help"
        )
    names = opt.asked_backbones(backbone, backbone_path)
    if len(names) > 1:
        raise InvalidRequest(
            f"expected one --backbone to pretrain, got {len(names)}; run it once for each"
        )
    limit = None if time_limit is None else opt.parse_duration(time_limit)
    from advisor import pretraining
    from advisor.render.pretraining import PretrainView, print_pretrained
    from advisor.render.terminal import make_console

    deadline = pretraining.Stoppable(limit)
    _stop_gently(deadline)
    with PretrainView(make_console(stderr=True), quiet=quiet or as_json) as view:
        made = pretraining.pretrain(
            data,
            target=one_or_all(target),
            task=task,
            unlabeled=unlabeled,
            groups=one_or_all(groups),
            method=method or "",
            backbone=names[0] if names else "",
            from_scratch=from_scratch,
            steps=steps,
            seed=seed or 0,
            device=device or "",
            deadline=deadline,
            out=out,
            tell=view,
        )
    if as_json:
        print(made.model_dump_json(indent=2))
    elif not quiet:
        given = opt.repeated(target=target, task=task, unlabeled=unlabeled, groups=groups)
        print_pretrained(made, make_console(), shlex.join(["autofit", str(data), *given]))
    if made.stopped and deadline.called:  # the end of a time limit is what was asked for
        raise typer.Exit(INTERRUPTED)


def _stop_gently(deadline: Stoppable) -> None:
    """Let the first signal end the training between two steps, and the second one end it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        deadline.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
