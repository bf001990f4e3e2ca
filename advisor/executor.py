"""Where trials run: this process, or local worker processes that can be killed.

A job is one fit: a strategy with parameter values on one fold. Workers are ``python -m advisor.worker``
processes spoken to in lines of JSON; predictions and models travel as files. Why not ``concurrent.futures``: its
processes cannot be killed one by one, it imports the caller's ``__main__`` again (so a script without a guard
forks itself), and it talks pickle.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from advisor.cores import usable_cores
from advisor.jobs import FoldJob, FoldResult
from advisor.worker import READY, forget_workspaces, run_job

GRACE_FACTOR, GRACE_SECONDS = 1.3, 2.0
"""A fit may take this many times its seconds plus this many more before its process is killed (our choice:
a boosting round or a batch of trees that has begun may end, and a first fit imports its library)."""

START_SECONDS = 60.0
"""A process may take this long to start before it is killed (our choice: a second on a free machine, ten on one that
is shared by many). It is not counted as time of the fit: short fits would all be killed on a busy machine."""


GPU_FOLDER = Path("/proc/driver/nvidia/gpus")
"""Where the NVIDIA driver lists its devices, one folder each."""


class Executor(Protocol):
    """Runs jobs; leaving its context ends whatever still runs."""

    jobs: int

    def run(self, jobs: Sequence[FoldJob]) -> Iterator[FoldResult]:
        """Yield the result of every job as it ends; a failure is a result, not an exception."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ThisProcess:
    """Runs jobs one after the other, here: for debugging, and where processes cannot be started."""

    jobs = 1

    def run(self, jobs: Sequence[FoldJob]) -> Iterator[FoldResult]:
        """Yield results in the order of ``jobs``."""
        for job in jobs:
            yield run_job(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        forget_workspaces()


class _Worker:
    """One worker process and the job it has."""

    def __init__(self, threads: int, gpu: str) -> None:
        environment = {
            **os.environ,
            **({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}),
            **{
                f"{library}_NUM_THREADS": str(threads)
                for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
            },
        }
        # A file and not a pipe: nobody has to drain it, and its end tells how a worker died.
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "advisor.worker",
            ],  # -P: a file of the user's shadows no module
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the search, which then ends its workers
        )
        self.job: FoldJob | None = None
        self.started = 0.0
        self.ready = False
        self._unread = b""

    def give(self, job: FoldJob) -> None:
        self.job, self.started = job, time.monotonic()
        assert self.process.stdin is not None
        self.process.stdin.write(job.model_dump_json().encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> bytes | None:
        """Take the answer that is there; empty where it is not whole yet, ``None`` where the process ended."""
        assert self.process.stdout is not None
        piece = os.read(self.process.stdout.fileno(), 2**16)
        if not piece:
            return None
        *lines, self._unread = (self._unread + piece).split(b"\n")
        if lines and not self.ready:
            assert lines.pop(0) == READY.encode()
            self.ready, self.started = True, time.monotonic()
        return lines[0] if lines else b""  # one job, one answer

    def overdue(self) -> bool:
        if self.job is None or self.job.seconds is None:
            return False
        if not self.ready:
            return time.monotonic() - self.started > START_SECONDS
        allowed = self.job.seconds * GRACE_FACTOR + GRACE_SECONDS
        return time.monotonic() - self.started > allowed

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what it did not read is lost with it
                    stream.close()
        self.log.close()

    def last_words(self) -> str:
        """How the process died: the last line it wrote, or its exit code."""
        code = self.process.wait()
        self.log.seek(0)
        lines = self.log.read().decode("utf-8", "replace").strip().splitlines()
        reason = "killed, probably for want of memory" if code == -9 else f"exit code {code}"
        return f"the worker died ({reason}){': ' + lines[-1] if lines else ''}"


class LocalWorkers:
    """Runs jobs in ``jobs`` processes of this machine, each with its share of the cores.

    Parameters
    ----------
    jobs : int
        How many processes; at least 1. They are started at once, so that their imports overlap with the
        reading of data.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = max(1, jobs)
        self.threads = max(1, usable_cores() // self.jobs)
        self._gpus = visible_gpus()
        self._workers = [_Worker(self.threads, self._gpu_of(i)) for i in range(self.jobs)]

    def run(self, jobs: Sequence[FoldJob]) -> Iterator[FoldResult]:
        """Yield results as jobs end; an overdue worker is killed and replaced.

        Closing the iterator early kills the workers that still run and replaces them.
        """
        waiting = [job.model_copy(update={"threads": self.threads}) for job in reversed(jobs)]
        try:
            while waiting or any(worker.job for worker in self._workers):
                for place, worker in enumerate(self._workers):
                    if waiting and worker.job is None:
                        yield from self._hand(place, waiting)
                yield from self._collect()
        finally:
            for place, worker in enumerate(self._workers):
                if worker.job is not None:
                    self._replace(place)

    def _hand(self, place: int, waiting: list[FoldJob]) -> Iterator[FoldResult]:
        job = waiting.pop()
        try:
            self._workers[place].give(job)
        except OSError:  # it died while idle, for example swept away for memory
            words = self._workers[place].last_words()
            self._replace(place)
            yield FoldResult(fold=job.fold, seconds=0.0, error=words)

    def _collect(self) -> Iterator[FoldResult]:
        """Wait for one event: a start, a result, a death or an overrun."""
        busy = {place: worker for place, worker in enumerate(self._workers) if worker.job}
        if not busy:
            return
        with selectors.DefaultSelector() as selector:
            for place, worker in busy.items():
                assert worker.process.stdout is not None
                selector.register(worker.process.stdout, selectors.EVENT_READ, place)
            ready = [key.data for key, _ in selector.select(timeout=0.2)]
        for place in ready:
            worker = busy[place]
            assert worker.job is not None
            line = worker.read()
            spent = time.monotonic() - worker.started
            if line:
                fold, worker.job = worker.job.fold, None
                yield FoldResult.model_validate_json(line).model_copy(update={"fold": fold})
            elif line is None:
                fold, words = worker.job.fold, worker.last_words()
                self._replace(place)
                yield FoldResult(fold=fold, seconds=spent, error=words)
        for place, worker in busy.items():
            if place not in ready and worker.overdue():
                assert worker.job is not None
                fold, spent = worker.job.fold, time.monotonic() - worker.started
                self._replace(place)
                yield FoldResult(
                    fold=fold, seconds=spent, error=f"stopped after {spent:.1f} s: over its time"
                )

    def _replace(self, place: int) -> None:
        self._workers[place].kill()
        self._workers[place] = _Worker(self.threads, self._gpu_of(place))

    def _gpu_of(self, place: int) -> str:
        """Spread the workers over the GPUs, one for each."""
        return self._gpus[place % len(self._gpus)] if self._gpus else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.kill()


def visible_gpus() -> list[str]:
    """List the NVIDIA GPUs that this process may use, found out without loading a library.

    Returns
    -------
    list of str
        As ``CUDA_VISIBLE_DEVICES`` names them; empty where there are none.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    if not GPU_FOLDER.is_dir():
        return []
    return [str(i) for i, _ in enumerate(sorted(GPU_FOLDER.iterdir()))]


def make_executor(jobs: int | None = None) -> Executor:
    """Choose where trials run.

    Parameters
    ----------
    jobs : int or None
        Worker processes; ``None`` for one per core that may be used, 0 for this process.

    Returns
    -------
    Executor
        To be used as a context manager.
    """
    if jobs == 0:
        return ThisProcess()
    return LocalWorkers(usable_cores() if jobs is None else jobs)
