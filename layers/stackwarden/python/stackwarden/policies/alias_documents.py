"""Looks into documents of AWS of which any part may be missing, or something else than expected. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def at(document: Any, *path: str) -> Any:
    """Return what is at a path of keys; None if nothing is."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def text_at(document: Any, *path: str) -> str:
    """Return the text at a path of keys; "" if none is."""
    found = at(document, *path)
    return found if isinstance(found, str) else ""


def items_at(document: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield keys and values of the object at a path of keys."""
    found = at(document, *path)
    if isinstance(found, Mapping):
        yield from found.items()


def each_at(document: Any, *path: str) -> Iterator[Any]:
    """Yield what the list at a path of keys holds, or the one thing that stands there without a list."""
    found = at(document, *path)
    if isinstance(found, list | tuple):
        yield from found
    elif found is not None:
        yield found


def read_json(text: str) -> Any:
    """Return what a JSON text says; None if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the latter for thousands of brackets in each other
        return None
