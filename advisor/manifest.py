"""A saved pipeline on disk: the manifest, the sha256 of every file, and the refusal of what was altered."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from advisor.calibration import Calibrator
from advisor.decision import Decision
from advisor.errors import InvalidRun
from advisor.parameter import ParamValue
from advisor.representation import REPRESENTATIONS, FeatureInfo, split_name
from advisor.strategy import STRATEGIES
from advisor.tables.columns import Column
from advisor.workspace import Problem

MANIFEST = "manifest.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class FoldPart(_Frozen):
    """One fitted model and the representation it reads, as folders relative to the manifest."""

    model: str
    representation: str
    seed: int
    info: FeatureInfo


class Member(_Frozen):
    """One configuration of the ensemble: its fold models are averaged."""

    strategy: str
    params: dict[str, ParamValue]
    representation: str
    weight: float
    folds: tuple[FoldPart, ...]
    calibrator: Calibrator = Calibrator()
    """Of its own answers, before they are blended."""


class Manifest(_Frozen):
    """Everything about a saved pipeline but the models themselves."""

    format: Literal[1] = 1
    problem: Problem
    columns: tuple[Column, ...]
    members: tuple[Member, ...]
    calibrator: Calibrator
    decision: Decision
    versions: dict[str, str]
    files: dict[str, str] = {}
    """sha256 of every other file of the folder."""


def seal(folder: Path, manifest: Manifest) -> None:
    """Complete a folder that holds the models: hash every file and write the manifest.

    Parameters
    ----------
    folder : Path
        Holds what ``manifest.members`` name.
    manifest : Manifest
        Its ``files`` are filled in here.
    """
    files = {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    complete = manifest.model_copy(update={"files": files})
    (folder / MANIFEST).write_text(complete.model_dump_json(indent=1), "utf-8")


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder, by hard links where the file system has them.

    Parameters
    ----------
    source, target : Path
        Existing folder; new folder.
    """

    def link(from_file: str, to_file: str) -> object:
        try:
            os.link(from_file, to_file)
        except OSError:
            shutil.copy2(from_file, to_file)
        return to_file

    shutil.copytree(source, target, copy_function=link)


def read_manifest(folder: Path) -> Manifest:
    """Read a manifest and check that its folder is as it was saved.

    Parameters
    ----------
    folder : Path
        The ``model`` folder of a run.

    Returns
    -------
    Manifest

    Raises
    ------
    InvalidRun
        If there is none, it is of another version, names unknown parts, or a file was altered.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InvalidRun(
            f"'{folder}' holds no trained model (expected {MANIFEST} in it); pass the folder that "
            "autofit printed, or go on with an interrupted run: autofit DATA --resume RUN"
        )
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())  # which judges the encoding, too
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRun(
            f"'{path}' is not a manifest of this version: {first['loc']}: {first['msg']}"
        ) from error
    for member in manifest.members:
        kind, _ = split_name(member.representation)
        if member.strategy not in STRATEGIES or kind not in REPRESENTATIONS:
            raise InvalidRun(
                f"'{path}' names '{member.strategy}', which this version does not know"
            )
    _check_files(folder, manifest)
    return manifest


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Refuse a folder whose files are not those that were written."""
    faults = []
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif _sha256(path) != digest:
            faults.append(f"{name} was altered")
    named = set(manifest.files)
    for member in manifest.members:
        for fold in member.folds:
            for place in (fold.model, fold.representation):
                inside = (folder / place).resolve().is_relative_to(folder.resolve())
                if not inside or not any(name.startswith(f"{place}/") for name in named):
                    faults.append(f"{place} is not part of it")
    if faults:
        raise InvalidRun(f"'{folder}' is not as it was saved: {'; '.join(faults[:5])}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
