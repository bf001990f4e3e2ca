"""A command → its seconds, its peak memory and how it ended.

Memory is the resident set of the whole process tree, sampled; pages that processes share are
counted once for each. A process that lives shorter than one sample is caught by the kernel's own
count (``wait4``).
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.05
"""Between two looks at the process tree; our choice: 20 looks a second cost under 1 % of a core."""

BYTES_PER_MB = 1e6
KILOBYTE = 1024
"""Linux gives ``ru_maxrss`` in KiB."""


@dataclass(frozen=True)
class Measured:
    """How one command ended.

    Attributes
    ----------
    code : int or None
        The exit code; ``None`` when it ran past the timeout and was killed.
    seconds : float
        Wall clock from start to end, imports included.
    peak_mb : float
        Largest resident set of the process tree, in MB (10**6 bytes).
    output : str
        What it wrote on stdout.
    errors : str
        What it wrote on stderr.
    """

    code: int | None
    seconds: float
    peak_mb: float
    output: str
    errors: str

    @property
    def failure(self) -> str | None:
        """Why it gave no result, in one line, or ``None``."""
        if self.code == 0:
            return None
        if self.code is None:
            return f"killed after {self.seconds:.0f} s"
        lines = self.errors.strip().splitlines() or ["no message"]
        return f"exit {self.code}: {lines[-1][:200]}"


def measure(
    command: list[str], timeout: float, folder: Path, env: dict[str, str] | None = None
) -> Measured:
    """Run a command to its end or to the timeout, and measure it.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    timeout : float
        Seconds after which the process and all below it are killed.
    folder : Path
        Working directory; ``stdout.txt`` and ``stderr.txt`` are written there.
    env : dict of str, optional
        Variables added to this process's own.

    Returns
    -------
    Measured
        Also where the command failed or was killed.
    """
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        code, peak = _watch(process, start + timeout)
        seconds = time.perf_counter() - start
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
    return Measured(code, seconds, peak / BYTES_PER_MB, *texts)


def _watch(process: subprocess.Popen[bytes], deadline: float) -> tuple[int | None, float]:
    tree = psutil.Process(process.pid)
    peak = 0.0
    while True:
        peak = max(peak, _resident(tree))
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        if time.perf_counter() > deadline:
            _kill(tree)
            os.wait4(process.pid, 0)
            process.returncode = -signal.SIGKILL
            return None, peak
        time.sleep(SAMPLE_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, max(peak, usage.ru_maxrss * KILOBYTE)


def _kill(tree: psutil.Process) -> None:
    """End a process and all below it, also those that left its group."""
    for member in [*tree.children(recursive=True), tree]:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def _resident(tree: psutil.Process) -> float:
    total = 0.0
    try:
        members = [tree, *tree.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for member in members:
        try:
            total += member.memory_info().rss
        except psutil.Error:  # it ended between the two calls
            continue
    return total


def machine() -> str:
    """Describe the machine in one line: processor, cores, memory, Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Python {platform.python_version()}"


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Look up the installed versions of distributions; those that are not installed are left out.

    Parameters
    ----------
    names : tuple of str
        Distribution names.

    Returns
    -------
    dict of str
        Version by name.
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
