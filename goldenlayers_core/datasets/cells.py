"""Cells of a text table that hold a list or an object, written out as text."""

import ast
import json
import warnings
from typing import Any


def unpack(cell: Any) -> Any:
    """The list or object that a cell writes out, as JSON or as Python (as pandas writes CSV); any other cell as it is.

    Nothing is evaluated: Python's literals are parsed, names and calls are not.
    """
    if not isinstance(cell, str):
        return cell
    if "]" not in cell and "}" not in cell:
        return cell
    text = cell.strip()
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return cell
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _literal(text)
    # "{}" alone is a template or nothing, not an object.
    return value if isinstance(value, list | dict) and text != "{}" else cell


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a cell is no business of ours
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
