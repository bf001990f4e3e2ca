"""Text files: any encoding, and why some hold no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import UnreadableData
from advisor.texts.encoding import guess_encoding, sure_encoding
from advisor.texts.files import read_text, read_texts
from advisor.texts.lengths import count_words

GERMAN = "Schöne Grüße aus Österreich, überall blüht der Flieder"


def _write(folder: Path, contents: list[bytes]) -> list[str]:
    paths = [folder / f"{i}.txt" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"]
)
def test_texts_of_any_encoding_come_back(encoding: str, tmp_path: Path) -> None:
    """Whatever they are written in."""
    found = read_texts(_write(tmp_path, [GERMAN.encode(encoding)] * 3))
    assert found.texts == (GERMAN,) * 3
    assert not found.faults


def test_short_files_help_each_other_to_their_encoding(tmp_path: Path) -> None:
    """One word does not tell what it is encoded in; all together do."""
    words = ["für", "schöner", "Grüße", "Mädchen", "größer", GERMAN, "plain"]
    found = read_texts(_write(tmp_path, [word.encode("latin-1") for word in words]))
    assert list(found.texts) == words
    assert len(found.notes) == 1


def test_a_text_is_kept_as_it_is_inside(tmp_path: Path) -> None:
    """Line ends, emoji and all; only white space at its ends is cut."""
    text = "one\r\ntwo\n\n  three \U0001f600 e\u0301"
    assert read_texts(_write(tmp_path, [f" {text}\n".encode()])).texts == (text,)


def test_files_without_a_text_are_told_with_the_reason(tmp_path: Path) -> None:
    """Empty, blank, binary, or not there."""
    paths = _write(tmp_path, [b"", b" \n\t", bytes(range(256)) * 4, b"\xef\xbb\xbf", b"good"])
    found = read_texts([*paths, str(tmp_path / "nowhere.txt")])
    assert found.texts == (None, None, None, None, "good", None)
    reasons = [reason for _, reason in found.faults]
    assert reasons[0] == reasons[1] == reasons[3] == "it is empty"
    assert "control characters" in reasons[2]
    assert "cannot be opened" in reasons[4]


def test_a_binary_file_of_lines_is_refused(tmp_path: Path) -> None:
    """In one line that names it."""
    (path,) = (Path(name) for name in _write(tmp_path, [bytes(range(32)) * 20]))
    with pytest.raises(UnreadableData, match=r"0\.txt is not text"):
        read_text(path)


def test_a_broken_byte_order_mark_is_not_believed() -> None:
    """An odd number of bytes is no UTF-16."""
    assert sure_encoding(b"\xff\xfea") is None
    assert guess_encoding("Ünïcödé überall, schöne Grüße".encode("cp1252")) == "cp1252"


def test_words_are_counted_in_scripts_without_spaces() -> None:
    """Two characters of Chinese or Japanese are about one word; Korean has spaces."""
    assert count_words(["這部電影很好看", "안녕 하세요", "mixed 电影 text"]).tolist() == [4, 2, 3]
