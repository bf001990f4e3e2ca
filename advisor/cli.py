"""The commands: ``advise``, ``autofit`` and ``advisor``; the only place that prints.

Everything heavy is imported when a command runs: ``--help`` must not wait for it. How commands end is in ``cli_exit``.
"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from advisor import options as opt
from advisor.cli_exit import INTERRUPTED, interruptible, run_app
from advisor.cli_pretrain import pretrain
from advisor.errors import InvalidRequest
from advisor.options import one_or_all, refuse_together

if TYPE_CHECKING:
    from types import FrameType

    from advisor.report import StrategyReport
    from advisor.run import TrainedRun

PROBE_SECONDS = 20.0
"""Default of ``advise --probe-seconds``; equal to :data:`advisor.api.PROBE_SECONDS`, which is heavy to import."""


def advise(  # noqa: PLR0913 (the options of a command)
    data: opt.Data = None,
    target: opt.Target = None,
    task: opt.TaskName = None,
    metric: opt.MetricName = None,
    unlabeled: opt.Unlabeled = None,
    groups: opt.Groups = None,
    backbone: opt.Backbones = None,
    backbone_path: opt.BackbonePath = None,
    seed: opt.Seed = None,
    probe_seconds: opt.ProbeSeconds = None,
    no_probe: opt.NoProbe = False,
    as_json: opt.AsJson = False,
    as_markdown: opt.AsMarkdown = False,
    html: opt.HtmlFile = None,
    explain: opt.Explain = None,
    suggest_labels: opt.SuggestLabels = None,
    out: opt.ToLabel = None,
) -> None:
    """Say which training strategy to use on DATA, and why; or what of it to label next."""
    refuse_together(json=as_json, markdown=as_markdown)
    _check_list(out, suggest_labels, markdown=as_markdown, html=bool(html), explain=bool(explain))
    refuse_together(probe_seconds=probe_seconds is not None, no_probe=no_probe)
    backbones = opt.asked_backbones(backbone, backbone_path)
    reading: dict[str, Any] = {
        "target": one_or_all(target),
        "task": task,
        "unlabeled": unlabeled,
        "groups": one_or_all(groups),
    }
    if explain is not None:
        _explain(explain, data, reading, backbones)
        return
    if data is None:
        raise InvalidRequest("expected DATA, a file or a folder: advise DATA; see advise --help")
    _check_page(html)
    from advisor import api

    seconds = None if no_probe else (probe_seconds or PROBE_SECONDS)
    asking: dict[str, Any] = {
        "metric": metric,
        "backbones": backbones,
        "seed": seed or 0,
        "probe_seconds": seconds,
    }
    if suggest_labels is not None:
        _suggest(data, suggest_labels, out, as_json, reading, asking)
        return
    with _sign_of_life(seconds, silent=as_json):
        report = api.advise(data, **reading, **asking)
    given = opt.repeated(
        target=target,
        task=task,
        metric=metric,
        unlabeled=unlabeled,
        groups=groups,
        backbone=backbone,
        backbone_path=backbone_path,
        seed=seed,
    )
    trainable = report.first_choice is not None
    command = shlex.join(["autofit", str(data), *given]) if trainable else ""
    if html is not None:
        from advisor.render.html import report_html, write_page

        write_page(html, report_html(report, command))
    _print_report(report, as_json, as_markdown, command)


def autofit(  # noqa: PLR0913 (the options of a command)
    data: opt.Data = None,
    target: opt.Target = None,
    task: opt.TaskName = None,
    metric: opt.MetricName = None,
    unlabeled: opt.Unlabeled = None,
    groups: opt.Groups = None,
    backbone: opt.Backbones = None,
    backbone_path: opt.BackbonePath = None,
    seed: opt.Seed = None,
    probe_seconds: opt.ProbeSeconds = None,
    no_probe: opt.NoProbe = False,
    as_json: opt.AsJson = False,
    as_markdown: opt.AsMarkdown = False,
    html: opt.HtmlFile = None,
    explain: opt.Explain = None,
    plan: opt.Plan = None,
    time_limit: opt.TimeLimit = None,
    trials: opt.Trials = None,
    jobs: opt.Jobs = None,
    out: opt.Out = None,
    resume: opt.Resume = None,
    single_model: opt.SingleModel = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train on DATA hands-off and report a score one can believe."""
    refuse_together(json=as_json, markdown=as_markdown)
    refuse_together(
        probe_seconds=probe_seconds is not None, no_probe=no_probe, plan=plan is not None
    )
    refuse_together(resume=resume is not None, out=out is not None)
    refuse_together(resume=resume is not None, plan=plan is not None)
    backbones = opt.asked_backbones(backbone, backbone_path)
    reading: dict[str, Any] = {
        "target": one_or_all(target),
        "task": task,
        "unlabeled": unlabeled,
        "groups": one_or_all(groups),
    }
    if explain is not None:
        _explain(explain, data, reading, backbones)
        return
    if data is None:
        raise InvalidRequest("expected DATA, a file or a folder: autofit DATA; see autofit --help")
    limit = None if time_limit is None else opt.parse_duration(time_limit)
    _check_page(html)
    from advisor import api
    from advisor.render.live import SearchView
    from advisor.render.terminal import make_console

    signal.signal(signal.SIGTERM, _interrupt)
    with SearchView(make_console(stderr=True), quiet=quiet or as_json) as view:
        trained = api.autofit(
            data,
            **reading,
            metric=metric,
            backbones=backbones,
            seed=seed,
            probe_seconds=probe_seconds,
            plan=plan,
            time_limit=limit,
            trials=trials,
            jobs=jobs,
            out=out,
            resume=resume,
            single_model=single_model,
            progress=view,
        )
    _print_run(trained, as_json, as_markdown, html, quiet)
    if trained.interrupted:
        raise typer.Exit(INTERRUPTED)


def predict(run_dir: opt.RunFolder, data: opt.NewRows, out: opt.OutFile) -> None:
    """Predict every row of DATA with the model of RUN."""
    from advisor.pipeline import load_pipeline
    from advisor.predicting import predict_file

    for note in predict_file(load_pipeline(run_dir), data, out):
        print(f"note: {note}", file=sys.stderr)


def doctor() -> None:
    """Say what is installed, what is ready, and what is missing."""
    from advisor.doctor import examine
    from advisor.render.doctor import print_health
    from advisor.render.terminal import make_console

    print_health(examine(), make_console())


def cache(clear: opt.ClearCache = False) -> None:
    """Show what is kept of files that were seen, or delete it; all of it can be computed again.

    The folder "weights" in it, for what you downloaded by hand, is left alone.
    """
    from advisor.cache import default_cache
    from advisor.render.cache import format_bytes, print_cache
    from advisor.render.terminal import make_console

    kept = default_cache()
    if clear:
        print(f"{format_bytes(kept.clear())} freed in {kept.folder}")
    else:
        print_cache(kept, make_console())


def run_advise() -> NoReturn:
    """Run the command ``advise``."""
    sys.exit(run_app(_app_of(advise), "advise", opt.spread(sys.argv[1:])))


def run_autofit() -> NoReturn:
    """Run the command ``autofit``."""
    sys.exit(run_app(_app_of(autofit), "autofit", opt.spread(sys.argv[1:])))


def run() -> NoReturn:
    """Run the command ``advisor``, with the others as its sub-commands."""
    app = _new_app()
    app.callback()(_say_who)
    for command in (advise, autofit, pretrain, predict, doctor, cache):
        app.command()(interruptible(command))
    first, *rest = sys.argv[1:] or ["--help"]
    sys.exit(run_app(app, "advisor", [first, *opt.spread(rest)]))


def _say_who() -> None:
    """Look at a dataset with few labels, say how to train on it, and train."""


def _new_app() -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _app_of(command: Callable[..., None]) -> typer.Typer:
    app = _new_app()
    app.command()(interruptible(command))
    return app


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _check_page(html: Path | None) -> None:
    """Find out before the work, not after it, that a page cannot be written."""
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        wanted = "expected a file in an existing folder; make the folder"
        raise InvalidRequest(f"cannot write --html '{html}': {wanted}")


def _sign_of_life(seconds: float | None, silent: bool) -> AbstractContextManager[object]:
    """Show on a terminal that advice is being worked out."""
    from advisor.render.terminal import make_console

    console = make_console(stderr=True)
    if silent or not console.is_terminal:
        return nullcontext()
    doing = "reading" if seconds is None else f"reading and measuring, at most {seconds:.0f} s"
    return console.status(f"{doing} ...")


def _check_list(out: Path | None, n: int | None, **others: bool) -> None:
    """Refuse a file without a list to label, and a list together with what it has no form for."""
    if out is not None and n is None:
        raise InvalidRequest("-o is for a list to label: expected --suggest-labels N with it")
    for name, given in others.items():
        refuse_together(**{"suggest_labels": n is not None, name: given})


def _suggest(
    data: Path,
    n: int,
    out: Path | None,
    as_json: bool,
    reading: dict[str, Any],
    asking: dict[str, Any],
) -> None:
    """Print what to label next, and write the file to fill in."""
    from advisor.api import suggest_labels
    from advisor.dataset import read_dataset
    from advisor.labelling import check_file, how_to_use, write_suggestion
    from advisor.render.suggestion import print_suggestion
    from advisor.render.terminal import make_console

    with _sign_of_life(asking["probe_seconds"], silent=as_json):
        dataset = read_dataset(data, **reading)
        if out is not None:
            check_file(out, dataset.targets)
        suggestion = suggest_labels(dataset, n, **asking)
    use = ""
    if out is not None:
        write_suggestion(suggestion, out)
        use = how_to_use(suggestion, dataset)
    if as_json:
        print(suggestion.model_dump_json(indent=2))
    else:
        print_suggestion(suggestion, make_console(), out, use)


def _explain(
    rule: str, data: Path | None, reading: dict[str, Any], backbones: Sequence[str]
) -> None:
    """Print what a rule says; with DATA also what it says there."""
    from advisor.rule import RULES, explain

    print(explain(rule))
    if data is None:
        return
    from advisor.dataset import read_dataset
    from advisor.profile import profile_dataset

    dataset = read_dataset(data, **reading)
    finding = RULES[rule].apply(profile_dataset(dataset, backbones))
    said = "nothing to say" if finding is None else f"{finding.severity}: {finding.message}"
    print(f"\nOn {dataset.name}: {said}")


def _print_report(report: StrategyReport, as_json: bool, as_markdown: bool, command: str) -> None:
    if as_json:
        print(report.model_dump_json(indent=2))
    elif as_markdown:
        from advisor.render.markdown import report_markdown

        print(report_markdown(report, command), end="")
    else:
        from advisor.render.terminal import make_console, print_report

        print_report(report, make_console(), command)


def _print_run(
    trained: TrainedRun, as_json: bool, as_markdown: bool, html: Path | None, quiet: bool
) -> None:
    from advisor.render.result import predict_command, print_result, result_markdown

    if html is not None:
        from advisor.render.html import report_html, write_page

        command = predict_command(trained.folder)
        write_page(html, report_html(trained.report, command, trained.result))
    if as_json:
        print(trained.result.model_dump_json(indent=2))
    elif as_markdown:
        print(result_markdown(trained.result, trained.folder), end="")
    elif not quiet:
        from advisor.render.terminal import make_console

        print_result(trained.result, trained.folder, make_console())
