"""The cache returns what was put, stays within its limit, stands other processes, and never stops anybody's work."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from advisor.cache import (
    FILE,
    FOLDER_VARIABLE,
    LIMIT,
    LIMIT_VARIABLE,
    WEIGHTS,
    ArrayCache,
    content_key,
    content_keys,
    default_cache,
)
from advisor.cache_tables import STALE
from advisor.errors import InvalidRequest
from advisor.images.medium import PICTURES
from advisor.media.embedded import write_item
from advisor.nets.in_context import WEIGHTS_FOLDER
from advisor.render.cache import cache_line, print_cache

KILOBYTE = np.zeros(1000, dtype=np.uint8)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    """Values, shape and type survive; other spaces and unknown keys give nothing."""
    cache = ArrayCache(tmp_path)
    array = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    cache.put("one", {"a": array, "b": np.arange(3)[::-1]})
    found = ArrayCache(tmp_path).get("one", ["a", "b", "c"])
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], array)
    assert found["a"].dtype == np.float32
    assert found["b"].tolist() == [2, 1, 0]
    assert cache.get("two", ["a"]) == {}


def test_more_keys_than_a_query_takes_are_found(tmp_path: Path) -> None:
    """Thousands of keys at once are no more than a few."""
    cache = ArrayCache(tmp_path)
    cache.put("s", {f"{i}": np.array([i]) for i in range(2500)})
    found = cache.get("s", [f"{i}" for i in range(3000)])
    assert len(found) == 2500
    assert int(found["2499"][0]) == 2499


def test_objects_are_refused(tmp_path: Path) -> None:
    """Nothing that would need pickle gets in."""
    with pytest.raises(TypeError, match="objects"):
        ArrayCache(tmp_path).put("s", {"a": np.array([{}])})


def test_nothing_is_made_until_something_is_kept(tmp_path: Path) -> None:
    """Asking leaves no trace on the disk."""
    cache = ArrayCache(tmp_path / "cache")
    assert cache.get("s", ["a"]) == {}
    assert cache.usage() == []
    assert cache.clear() == 0
    assert not (tmp_path / "cache").exists()


def test_usage_counts_each_space_and_clear_frees_it(tmp_path: Path) -> None:
    """Numbers and bytes are exact, also after one key is put twice and after clearing."""
    cache = ArrayCache(tmp_path)
    cache.put("small", {"a": KILOBYTE})
    cache.put("large", {"a": KILOBYTE, "b": KILOBYTE})
    cache.put("large", {"a": KILOBYTE})
    assert [tuple(one) for one in cache.usage()] == [("large", 2, 2000), ("small", 1, 1000)]
    assert cache.clear("large") == 2000
    assert cache.get("large", ["a"]) == {}
    assert [one.space for one in cache.usage()] == ["small"]
    assert cache.clear() == 1000
    assert cache.usage() == []


def test_folders_of_files_are_counted_and_cleared(tmp_path: Path) -> None:
    """What others keep beside the arrays is part of the cache."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"12345")
    cache = ArrayCache(tmp_path)
    assert [tuple(one) for one in cache.usage()] == [("pictures", 1, 5)]
    assert cache.clear() == 5
    assert not (tmp_path / "pictures").exists()


def test_weights_of_the_user_are_neither_counted_nor_cleared(tmp_path: Path) -> None:
    """They were downloaded by hand, into the folder that the advice names, and cannot be computed again."""
    checkpoint = tmp_path / WEIGHTS / "tabicl.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"12345")
    cache = ArrayCache(tmp_path)
    assert cache.usage() == []
    assert cache.clear() == 0
    assert checkpoint.read_bytes() == b"12345"
    assert WEIGHTS_FOLDER.name == WEIGHTS


def test_the_limit_is_told_for_arrays_alone(tmp_path: Path) -> None:
    """Folders of files may grow beyond it."""
    cache = ArrayCache(tmp_path, limit_bytes=10**6)
    cache.put("s", {"a": np.zeros(200_000, np.uint8)})
    assert cache_line(cache) == "0.2 MB of at most 1.0 MB"
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(bytes(3 * 10**6))
    assert cache_line(cache) == "0.2 MB of at most 1.0 MB, and 3.0 MB of files, which have no limit"
    assert [one.space for one in cache.usage()] == ["pictures", "s"]


def test_a_file_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    """By a cleaner of temporary folders, or by another process; also where that left an empty one."""
    cache = ArrayCache(tmp_path / "cache")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content in (None, b""):
            cache.put("s", {"a": KILOBYTE})
            shutil.rmtree(cache.folder)
            if content is not None:
                cache.folder.mkdir()
                cache.file.write_bytes(content)
            assert cache.get("s", ["a"]) == {}
            cache.put("s", {"b": KILOBYTE})
            assert list(cache.get("s", ["a", "b"])) == ["b"]
            assert [tuple(one) for one in cache.usage()] == [("s", 1, 1000)]


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    """At the limit the oldest arrays are deleted, and one that was read lately stays."""
    cache = ArrayCache(tmp_path, limit_bytes=10_000)
    for i in range(10):
        cache.put("s", {f"{i}": KILOBYTE})
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE arrays SET used = ? + key", (time.time() - 2 * STALE,))
    db.close()
    cache.get("s", ["0"])
    cache.put("s", {"new": KILOBYTE})
    kept = set(cache.get("s", [*map(str, range(10)), "new"]))
    assert {"0", "new"} <= kept
    assert not {"1", "2"} & kept
    assert sum(one.bytes for one in cache.usage()) <= 10_000


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """All arrays of both arrive, the common ones once."""
    script = (
        "import sys, numpy as np; from pathlib import Path; from advisor.cache import ArrayCache\n"
        "cache = ArrayCache(Path(sys.argv[1])); me = sys.argv[2]\n"
        "for i in range(60):\n"
        "    cache.put('s', {f'{me}{i}': np.full(500, i), f'common{i}': np.full(500, i)})\n"
        "    assert len(cache.get('s', [f'{me}{i}', f'common{i}'])) == 2\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    (usage,) = ArrayCache(tmp_path).usage()
    assert (usage.n, usage.bytes) == (180, 180 * 4000)


def test_a_new_file_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself gives up at once where a new file is to be changed to WAL."""
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.close)
    release.start()
    cache = ArrayCache(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put("s", {"a": KILOBYTE})
    release.join()
    assert list(cache.get("s", ["a"])) == ["a"]


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    """One warning, then silence; reads find nothing and writes are let go."""
    (tmp_path / "taken").write_text("a file, not a folder")
    cache = ArrayCache(tmp_path / "taken" / "cache")
    with pytest.warns(UserWarning, match="computed anew"):
        cache.put("s", {"a": KILOBYTE})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put("s", {"b": KILOBYTE})
    assert cache.get("s", ["a"]) == {}


def test_a_damaged_file_is_done_without_until_it_is_cleared(tmp_path: Path) -> None:
    """Rubbish in place of the file is told once, and `clear` cures it."""
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    cache = ArrayCache(tmp_path)
    with pytest.warns(UserWarning, match=r"advisor cache --clear"):
        cache.put("s", {"a": KILOBYTE})
    assert cache.get("s", ["a"]) == {}
    assert cache.usage() == []
    assert cache.clear() == 1900
    cache.put("s", {"a": KILOBYTE})
    assert list(cache.get("s", ["a"])) == ["a"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_cache_that_may_only_be_read_is_still_read(tmp_path: Path) -> None:
    """Without the right to write, what is there is found."""
    ArrayCache(tmp_path).put("s", {"a": KILOBYTE})
    (tmp_path / FILE).chmod(0o444)
    with pytest.warns(UserWarning, match="computed anew"):
        ArrayCache(tmp_path).put("s", {"b": KILOBYTE})
    assert list(ArrayCache(tmp_path).get("s", ["a"])) == ["a"]


def test_the_environment_says_where_and_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our variable, then the desktop's, then the home folder; sizes in bytes, MB and GB."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    assert (default_cache().folder, default_cache().limit) == (tmp_path, LIMIT)
    monkeypatch.setenv(LIMIT_VARIABLE, "1.5 gb")
    assert default_cache().limit == 1_500_000_000
    monkeypatch.setenv(LIMIT_VARIABLE, "200MB")
    assert default_cache().limit == 200_000_000
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache().folder == tmp_path / "x" / "regime-advisor"
    monkeypatch.setenv(LIMIT_VARIABLE, "plenty")
    with pytest.raises(InvalidRequest, match="'plenty'"):
        default_cache()


def test_a_relative_folder_is_of_the_working_directory_and_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written there has an absolute path: it is read from elsewhere, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, "mine")
    assert default_cache().folder == tmp_path / "mine"
    assert write_item(b"12345", PICTURES, ".png").startswith(
        f"{tmp_path / 'mine' / 'pictures'}{os.sep}"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(FOLDER_VARIABLE, "~/mine")
    assert default_cache().folder == tmp_path / "home" / "mine"


def test_keys_are_of_the_content_alone(tmp_path: Path) -> None:
    """Copies share a key, a change of the file changes it, and a file that is not there has none."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    assert content_key(first) == content_key(str(second)) == hashlib.sha256(b"one").hexdigest()
    second.write_bytes(b"another")
    keys = content_keys([first, second, tmp_path / "c"])
    assert keys == [hashlib.sha256(b).hexdigest() for b in (b"one", b"another")] + [""]
    with pytest.raises(OSError, match="c"):
        content_key(tmp_path / "c")


def test_the_table_names_each_space(tmp_path: Path) -> None:
    """A person sees where the cache is, what it holds, and how full it is."""
    cache = ArrayCache(tmp_path, limit_bytes=2 * 10**9)
    cache.put("embeddings of something", {f"{i}": np.zeros(50_000, np.uint8) for i in range(40)})
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    print_cache(cache, console)
    text = console.export_text()
    assert str(tmp_path) in text
    assert "2.0 MB of at most 2.0 GB" in text
    assert "embeddings of something" in text
