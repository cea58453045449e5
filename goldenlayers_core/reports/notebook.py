"""A Jupyter notebook, as a file's content: headings in words, cells of code, nothing executed."""

import re
from dataclasses import dataclass
from typing import Final

import nbformat
from nbformat import v4

from goldenlayers_core.results.formats import clean

_MARKUP: Final = re.compile(r"([!-/:-@\[-`{-~])")  # every character that Markdown may take for more than a letter


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what it is for, and its code; "" for words alone."""

    words: str
    code: str = ""


def inert(text: str) -> str:
    """Foreign text on one line of Markdown, with nothing left in it to interpret: no link, no picture, no HTML."""
    return _MARKUP.sub(r"\\\1", clean(text))


def notebook_bytes(cells: tuple[Cell, ...]) -> bytes:
    """The notebook in nbformat 4. The words of cells are Markdown: pass what a person wrote through `inert`."""
    made = []
    for place, cell in enumerate(cells):
        if cell.words:
            made.append(v4.new_markdown_cell(cell.words, id=f"words-{place}"))
        if cell.code:
            made.append(v4.new_code_cell(cell.code, id=f"code-{place}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).encode()
