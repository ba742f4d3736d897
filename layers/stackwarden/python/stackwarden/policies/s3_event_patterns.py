"""What an EventBridge pattern means for one event of which not everything is known. Pure.

A test of a known field holds or does not. A test of the object key becomes a filter of keys. A test of what
nobody can know yet is taken to hold, with a doubt that says so: the answer may be too wide, never too narrow.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod
from typing import Any, NamedTuple

from stackwarden.policies.s3_patterns import ANYTHING, Glob, Token
from stackwarden.policies.s3_state import KeyFilter

MOST_ALTERNATIVES = 200  # of one event; beyond, parts of the pattern are left out, with a doubt
MOST_SPELLINGS = 64  # of a text in any case: six letters have as many
MOST_LEVELS = 50  # of a pattern; the event has three


class Field(Enum):
    """A field of the event whose value is not known."""

    KEY = "the object key"
    PRESENT = "some value"
    OPTIONAL = "some value, or no such field"


type Fields = Mapping[
    str, str | Field
]  # by path, `detail.object.key`; what is not listed is not in the event


class Term(NamedTuple):
    """The key matches a glob, or does not. text: for people."""

    glob: Glob
    wanted: bool
    text: str


class Alternative(NamedTuple):
    """One way to match: all terms hold, and so does what is in doubt."""

    terms: tuple[Term, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def key_filter(self) -> KeyFilter:
        """Return the terms as a filter, described as in `key prefix 'in/' but not suffix '.tmp'`."""
        wanted = [term for term in self.terms if term.wanted]
        unwanted = [term for term in self.terms if not term.wanted]
        text = "key " + " and ".join(dict.fromkeys(term.text for term in wanted)) if wanted else ""
        if unwanted:
            text += " but not " if wanted else "any key but "
            text += " or ".join(dict.fromkeys(term.text for term in unwanted))
        return KeyFilter(
            tuple(term.glob for term in wanted), tuple(term.glob for term in unwanted), text or "every key"
        )


type Alternatives = tuple[Alternative, ...]

_ALWAYS: Alternatives = (Alternative(),)
_NEVER: Alternatives = ()


def evaluate(pattern: Mapping[str, Any], fields: Fields) -> Alternatives:
    """Return the ways in which an event with these fields matches; () if it cannot."""
    return _Reading(fields).node(pattern, "", 0)


def _perhaps(doubt: str) -> Alternatives:
    return (Alternative(doubts=(doubt,)),)


def _any_of(parts: Iterable[Alternatives], path: str) -> Alternatives:
    found = tuple(dict.fromkeys(alternative for part in parts for alternative in part))
    if Alternative() in found:
        return _ALWAYS
    if len(found) > MOST_ALTERNATIVES:
        return _perhaps(f"{path} has more than {MOST_ALTERNATIVES} alternatives and is not evaluated")
    return found


def _both(left: Alternatives, right: Alternatives, path: str) -> Alternatives:
    if len(left) * len(right) > MOST_ALTERNATIVES:
        right = _perhaps(f"{path} makes more than {MOST_ALTERNATIVES} alternatives and is not evaluated")
    combined = (
        Alternative(tuple(dict.fromkeys(a.terms + b.terms)), tuple(dict.fromkeys(a.doubts + b.doubts)))
        for a, b in product(left, right)
    )
    return tuple(dict.fromkeys(combined))


@dataclass(frozen=True)
class _Reading:
    """Reads a pattern against the fields of one event.

    Paths are joined by dots, as EventBridge itself does. A test of an object, such as `detail.object`, finds
    no value there, not even `exists`: https://github.com/aws/event-ruler#exists-matching
    """

    fields: Fields

    def node(self, pattern: Mapping[str, Any], path: str, level: int) -> Alternatives:
        """All entries of an object of the pattern have to hold."""
        if level > MOST_LEVELS:
            return _perhaps(f"the pattern is not evaluated beyond {MOST_LEVELS} levels")
        found = _ALWAYS
        for name, value in pattern.items():
            here = f"{path}.{name}" if path else str(name)
            entry = self._or(value, path, here, level) if name == "$or" else self._entry(value, here, level)
            found = _both(found, entry, here)
        return found

    def _or(self, value: Any, path: str, here: str, level: int) -> Alternatives:
        if not (isinstance(value, list) and len(value) > 1 and all(isinstance(v, Mapping) for v in value)):
            return _perhaps(f"{here} is not a list of objects and is not evaluated")
        return _any_of((self.node(part, path, level + 1) for part in value), here)

    def _entry(self, value: Any, path: str, level: int) -> Alternatives:
        if isinstance(value, Mapping) and value:
            return self.node(value, path, level + 1)
        if not isinstance(value, list):
            return _perhaps(f"{path} is not a list and is not evaluated")
        return _any_of((self._condition(condition, path) for condition in value), path)

    def _condition(self, condition: Any, path: str) -> Alternatives:
        field = self.fields.get(path)
        operation = _only_entry(condition)
        if field is not Field.OPTIONAL and operation in (("exists", True), ("exists", False)):
            return _ALWAYS if (field is not None) == operation[1] else _NEVER
        if field is None:
            return _NEVER
        texts = _read(condition) if isinstance(field, str) or field is Field.KEY else None
        if texts is None:
            return _perhaps(f"{path} is not evaluated")
        if isinstance(field, str):
            return _ALWAYS if texts.hold(field) else _NEVER
        return texts.of_the_key(path)


@dataclass(frozen=True)
class _Text:
    """What a value equals, begins or ends with, or a wildcard pattern for it."""

    operator: str
    text: str
    any_case: bool = False

    def __str__(self) -> str:
        """Describe it, as in `key prefix 'in/'`."""
        name = {"exactly": "", "wildcard": "like "}.get(self.operator, f"{self.operator} ")
        return f"{name}{self.text!r}{' in any case' if self.any_case else ''}"

    def holds(self, value: str) -> bool:
        if self.any_case:
            return self._glob(Glob.literal(self.text.lower())).matches(value.lower())
        return self._glob(Glob.literal(self.text)).matches(value)

    def globs(self) -> tuple[Glob, ...]:
        """Return a glob for each spelling, of which there are several in any case; () if too many."""
        cases = [_cases(char) if self.any_case else [char] for char in self.text]
        if prod(map(len, cases)) > MOST_SPELLINGS:
            return ()
        return tuple(self._glob(Glob(chars)) for chars in product(*cases))

    def outline(self) -> Glob:
        """Return a glob that matches every spelling, and more: any character for a letter."""
        return self._glob(Glob(tuple(Token.ONE if len(_cases(char)) > 1 else char for char in self.text)))

    def _glob(self, text: Glob) -> Glob:
        match self.operator:
            case "prefix":
                return text + ANYTHING
            case "suffix":
                return ANYTHING + text
            case "wildcard":
                pieces = re.findall(r"\\[*\\]|.", self.text, flags=re.DOTALL)
                return Glob(tuple(Token.ANY if piece == "*" else piece[-1] for piece in pieces))
        return text


def _cases(char: str) -> list[str]:
    return sorted(case for case in {char, char.lower(), char.upper()} if len(case) == 1)


@dataclass(frozen=True)
class _Texts:
    """A value is one of these texts or, for `anything-but`, none of them."""

    texts: tuple[_Text, ...] = ()
    anything_but: bool = False

    def hold(self, value: str) -> bool:
        return any(text.holds(value) for text in self.texts) is not self.anything_but

    def of_the_key(self, path: str) -> Alternatives:
        """Return which keys these are; of a text with too many spellings more than that, with a doubt."""
        each = [self._keys(text, path) for text in self.texts]
        if not self.anything_but:
            return _any_of(each, path)
        terms = (term for part in each for alternative in part for term in alternative.terms)
        doubts = (doubt for part in each for alternative in part for doubt in alternative.doubts)
        return (Alternative(tuple(terms), tuple(dict.fromkeys(doubts))),)

    def _keys(self, text: _Text, path: str) -> Alternatives:
        wanted = not self.anything_but
        if globs := text.globs():
            return tuple(Alternative((Term(glob, wanted, str(text)),)) for glob in globs)
        terms = (Term(text.outline(), wanted, str(text)),) if wanted else ()
        return (Alternative(terms, (f"{path} {text} is not evaluated exactly",)),)


_PLAIN = {"exactly", "prefix", "suffix", "wildcard"}
_IGNORE_CASE = "equals-ignore-case"


def _read(condition: Any) -> _Texts | None:
    """Read a test of a string. None: EventBridge documents no such test, or it is `cidr`."""
    if isinstance(condition, str):
        return _Texts((_Text("exactly", condition),))
    if condition is None or isinstance(condition, int | float):
        return _Texts()  # no string is a number, true, false or null
    operation = _only_entry(condition)
    match operation:
        case None:
            return None
        case ("numeric", _):
            return _Texts()
        case ("anything-but", but):
            return _anything_but(but)
    texts = _texts(*operation)
    return None if texts is None else _Texts(texts)


def _only_entry(value: Any) -> tuple[str, Any] | None:
    return next(iter(value.items())) if isinstance(value, Mapping) and len(value) == 1 else None


def _anything_but(value: Any) -> _Texts | None:
    operator, excluded = _only_entry(value) or ("exactly", value)
    values = excluded if isinstance(excluded, list) else [excluded]
    strings = [each for each in values if isinstance(each, bool) or not isinstance(each, int | float)]
    if operator == "exactly" and values and not strings:
        return _Texts(anything_but=True)  # no string equals a number
    texts = _texts(operator, strings)
    return None if texts is None else _Texts(texts, anything_but=True)


def _texts(operator: str, value: Any) -> tuple[_Text, ...] | None:
    """Read the value of an operator, which is a text or a list of them."""
    any_case = operator == _IGNORE_CASE
    if any_case:
        operator = "exactly"
    elif operator in ("prefix", "suffix") and isinstance(value, Mapping) and set(value) == {_IGNORE_CASE}:
        any_case, value = True, value[_IGNORE_CASE]
    values = value if isinstance(value, list) else [value]
    if operator not in _PLAIN or not values or not all(isinstance(each, str) for each in values):
        return None
    return tuple(_Text(operator, each, any_case) for each in values)
