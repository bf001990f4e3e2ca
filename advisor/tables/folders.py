"""A path → the files of one problem: train, test, the unlabelled pool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import UnreadableData, did_you_mean, quoted
from advisor.media.layouts import LABELLED_NAMES, ORACLE, POOL_NAMES, TEST_NAMES, TRAIN_NAMES
from advisor.tables.reading import table_suffix

SHARD = re.compile(r"-\d{5}-of-\d{5}.*")
"""What libraries that write a table in pieces append to its name."""

README = re.compile(r"readme(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Sources:
    """The files of one problem.

    Attributes
    ----------
    name : str
        The file's or folder's name, without suffix.
    train, test, pool : Path or None
        ``train`` is always there.
    notes : tuple of str
        Files that were left alone.
    """

    name: str
    train: Path
    test: Path | None = None
    pool: Path | None = None
    notes: tuple[str, ...] = ()


def find_sources(path: Path, *, to_predict: bool = False) -> Sources:
    """Look into a file, or a folder with ``train.*`` or one table in it → the files to read.

    Parameters
    ----------
    path : Path
        What the user pointed at.
    to_predict : bool
        Whether rows are to be predicted: then a table called test may stand alone, in place of ``train``, too.

    Returns
    -------
    Sources

    Raises
    ------
    UnreadableData
        If there is nothing there, no table in it, or several of which none is called train.
    """
    try:
        if path.is_file():
            return Sources(stem(path), path)
        if not path.is_dir():
            raise UnreadableData(
                f"{path} is a pipe or a device: expected a file or a folder; write it to a file first"
                if path.exists()
                else f"{path} does not exist.{_near(path)}"
            )
        entries = sorted(path.iterdir())
    except (OSError, ValueError) as error:
        raise UnreadableData(f"{path} cannot be opened: {error}") from None
    tables = [entry for entry in entries if entry.is_file() and is_table(entry)]
    trains = _called(tables, TRAIN_NAMES, path) or _called(tables, LABELLED_NAMES, path)
    tests = _called(tables, TEST_NAMES, path)
    pools = _called(tables, POOL_NAMES, path)
    others = [t for t in tables if t not in (trains, tests, pools) and not ORACLE.match(stem(t))]
    name = path.resolve().name
    if trains is None:
        if to_predict and tests is not None and not others:
            others = [tests]
        if len(others) != 1:
            raise UnreadableData(_no_train(path, others, entries))
        trains, others = others[0], []
    notes = []
    if others:
        notes.append(f"other tables in {name} were not read: {quoted(t.name for t in others)}")
    return Sources(name, trains, tests, pools, tuple(notes))


def holds_train(sources: Sources) -> bool:
    """Whether the table to train on is called so, and is not just the only one there is."""
    return stem(sources.train).lower() in TRAIN_NAMES | LABELLED_NAMES


def stem(path: Path) -> str:
    """Strip a file's name of its known suffix, ``.gz`` included, and of the number of a piece."""
    suffix = table_suffix(path.name)
    return SHARD.sub("", path.name[: -len(suffix)] if suffix else path.stem)


def is_table(path: Path) -> bool:
    """Whether a file's name says that it is a table; a README never is."""
    return table_suffix(path.name) is not None and not README.fullmatch(path.name)


def _called(tables: list[Path], names: frozenset[str], folder: Path) -> Path | None:
    """Find the one table with such a name, or None."""
    found = [table for table in tables if stem(table).lower() in names]
    if len(found) > 1:
        raise UnreadableData(
            f"{folder} holds {quoted(t.name for t in found)}: expected one of them, remove the rest"
        )
    return found[0] if found else None


def _no_train(path: Path, tables: list[Path], entries: list[Path]) -> str:
    if tables:
        return (
            f"{path} holds several tables ({quoted(t.name for t in tables)}) and none is called "
            "train: point at one of them, or rename it to train"
        )
    folders = [entry.name for entry in entries if entry.is_dir()]
    if folders:
        return (
            f"{path} holds no table, no pictures and no recordings but the folders {quoted(folders)}: expected a file "
            "train.csv, .parquet, .jsonl, .xlsx or .arff, or a folder of pictures or recordings for each class"
        )
    got = quoted(entry.name for entry in entries) if entries else "nothing"
    return f"{path} holds {got}: expected a table, such as train.csv, or a folder of files for each class"


def _near(path: Path) -> str:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return ""
