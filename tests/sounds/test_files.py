"""Headers of recordings, and what is wrong with broken ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from advisor.sounds.files import scan_sounds
from tests.recordings import as_bytes, broken_files, make, odd_files, put


def test_the_gallery_is_told_apart(tmp_path: Path) -> None:
    """Odd files are recordings, broken ones have a reason; decoding finds what headers do not tell."""
    odd = [str(put(tmp_path / name, content)) for name, content in odd_files().items()]
    recordings, broken = scan_sounds(odd)
    assert broken == []
    assert [record.path for record in recordings] == odd
    paths = {name: str(put(tmp_path / "b" / name, c)) for name, (c, _) in broken_files().items()}
    plain = dict(scan_sounds(list(paths.values()))[1])
    assert set(paths.values()) - set(plain) == {paths["no number.wav"]}
    decoded = dict(scan_sounds(list(paths.values()), decode=True)[1])
    for name, (_, reason) in broken_files().items():
        assert reason in decoded[paths[name]]
    assert scan_sounds(odd, decode=True)[1] == []


@pytest.mark.parametrize(
    ("form", "rate", "subtype"),
    [("WAV", 8_000, "PCM_16"), ("FLAC", 16_000, "PCM_16"), ("OGG", 22_050, "VORBIS")],
)
def test_headers_say_what_was_written(form: str, rate: int, subtype: str, tmp_path: Path) -> None:
    """Rate, channels, length and format."""
    wave = make(seconds=0.5, rate=rate)
    path = put(tmp_path / f"a.{form.lower()}", as_bytes(wave, form, rate, subtype))
    (record,), _ = scan_sounds([str(path)])
    assert (record.format, record.subtype, record.rate, record.channels) == (form, subtype, rate, 1)
    assert record.seconds == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("size", [0x7FFFF000, 0x7FFFEFFE, 0x7FFFFFFF - 36, 2**32 - 1, 2**32 - 9])
def test_a_stream_that_was_written_as_it_came_is_whole(size: int, tmp_path: Path) -> None:
    """SoX and ffmpeg cannot go back to the header, and write the largest size they know; a real size is believed."""
    whole = as_bytes(make(seconds=0.5, rate=8_000), "WAV", 8_000, "PCM_16")
    at = whole.index(b"data") + 4
    streamed = whole[:at] + size.to_bytes(4, "little") + whole[at + 4 :]
    (record,), broken = scan_sounds([str(put(tmp_path / "a.wav", streamed))], decode=True)
    assert broken == []
    assert record.seconds == pytest.approx(0.5, abs=0.01)
    cut = whole[:at] + (20_000_000).to_bytes(4, "little") + whole[at + 4 :]
    assert "cut off" in scan_sounds([str(put(tmp_path / "b.wav", cut))])[1][0][1]


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    """And one that is missing or closed is broken."""
    path = put(tmp_path / "a.wav", b"")
    assert scan_sounds([str(path)])[1] == [(str(path), "it is empty (0 bytes)")]
    put(path, as_bytes(make()))
    assert scan_sounds([str(path)])[1] == []
    gone = str(tmp_path / "no.wav")
    assert scan_sounds([gone])[1] == [(gone, "it does not exist")]


def test_an_mpeg_file_that_ends_early_is_found_and_nothing_is_written_about_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its first frame declares more than there is; the decoder's own notes do not reach the terminal."""
    whole = as_bytes(make(rate=44_100), "MP3", 44_100)
    good = put(tmp_path / "good.mp3", whole)
    cut = put(tmp_path / "cut.mp3", whole[: len(whole) // 2])
    odd = put(tmp_path / "odd.mp3", b"\xff\xfb" + b"\0" * 5_000)
    recordings, broken = scan_sounds([str(good), str(cut), str(odd)], decode=True)
    assert [record.path for record in recordings] == [str(good)]
    assert dict(broken)[str(cut)] == "it is cut off or damaged: its last samples cannot be read"
    print("still heard", file=sys.stderr)
    assert capfd.readouterr().err == "still heard\n"
