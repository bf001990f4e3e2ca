"""A generated section → its place in benchmarks/README.md, the other sections left as they are."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parent / "README.md"

HEAD = """# Benchmarks

What `make bench` and the scripts beside this file measured. Each section is written by the
command that it names, and only that section; do not edit between the markers. Rivals'
environments: `benchmarks/make_rivals.sh`.
"""


def write_section(name: str, text: str, readme: Path = README) -> None:
    """Put a section into the README, in place of the one of the same name.

    Parameters
    ----------
    name : str
        Key of the section, for example ``"tabular 60s"``.
    text : str
        Markdown, its heading included.
    readme : Path
        File to write; made when missing.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    block = f"{begin}\n{text.strip()}\n{end}\n"
    old = readme.read_text(encoding="utf-8") if readme.exists() else HEAD
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        new = before + block + rest.split(end, 1)[1].lstrip("\n")
    else:
        new = old.rstrip("\n") + "\n\n" + block
    readme.write_text(new, encoding="utf-8")


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table, first column to the left, the others to the right.

    Parameters
    ----------
    header : list of str
        Column names.
    rows : list of list of str
        Cells, as many per row as there are names.

    Returns
    -------
    str
        Lines joined by newlines.
    """
    marks = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, marks, *rows])
