"""Wildcard patterns as IAM writes them: is there a string that matches all of these and none of those?

Every glob is simulated as the set of its positions that can have been reached, a bit mask. The search walks
all globs at once, shortest strings first, so it ends with a string, with the proof that there is none, or at
its bound. Pure: it knows globs and strings, nothing of policies or buckets.
"""

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain, islice

MOST_STATES = 20_000  # about a second for 20 globs of 10 stars; an everyday question needs about a hundred
LONGEST = 1024 + 100  # characters: an S3 key has at most 1,024, and the object ARN begins with the bucket's
_WORD = "example"
_MOST_PLACES = 100  # where the word is tried
_READABLE = "xyzabcdefghijklmnopqrstuvw" + string.digits + string.ascii_uppercase


class Token(Enum):
    """A wildcard. Neither stops at `/` or `:`."""

    ONE = "?"  # exactly one character
    ANY = "*"  # any number of characters, none among them


@dataclass(frozen=True)
class Glob:
    """A pattern: literal characters, one a token, and wildcards."""

    tokens: tuple[str | Token, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for a literal token that is not exactly one character."""
        if any(isinstance(token, str) and len(token) != 1 for token in self.tokens):
            raise ValueError(f"each literal token of a Glob is one character: {self.tokens!r}")

    @classmethod
    def literal(cls, text: str) -> "Glob":
        """Match this text and nothing else, wildcard characters in it included."""
        return cls(tuple(text))

    @classmethod
    def parse(cls, pattern: str) -> "Glob":
        """Read IAM's spelling. `${*}`, `${?}` and `${$}` are the characters themselves.

        Any other `${…}` is taken literally: fill in policy variables before. See
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        """
        pieces = re.findall(r"\$\{[*?$]\}|.", pattern, flags=re.DOTALL)
        return cls(tuple(_token(piece) for piece in pieces))

    def __add__(self, other: "Glob") -> "Glob":
        """Match a text of this one followed by a text of the other."""
        return Glob(self.tokens + other.tokens)

    def __str__(self) -> str:
        """Spell it as IAM does; `parse` reads it back."""
        return "".join(_spelling(token) for token in self.tokens)

    def matches(self, text: str) -> bool:
        """Whether the whole text fits."""
        return _Product.of([self], []).accepts(text)

    @property
    def is_literal(self) -> bool:
        """Whether it matches one text only."""
        return not any(isinstance(token, Token) for token in self.tokens)


ANYTHING = Glob((Token.ANY,))


@dataclass(frozen=True)
class Undecided:
    """The search stopped at its bound: there may or may not be such a string."""

    states: int  # how many it had seen


def witness(
    all_of: Sequence[Glob],
    none_of: Sequence[Glob] = (),
    *,
    longest: int = LONGEST,
    most_states: int = MOST_STATES,
) -> str | Undecided | None:
    """Return a string of at most `longest` characters that all of all_of and none of none_of match.

    None means that there is no such string, Undecided that the search saw more than most_states states. The
    answer does not depend on the order of the globs. The string is the shortest, made readable where the
    globs leave room: `in/example.jpg` for `in/*` and `*.jpg`.
    """
    product = _Product.of(all_of, none_of)
    found = _shortest(product, longest, most_states)
    return _readable(product, found, longest) if isinstance(found, str) else found


def _token(piece: str) -> str | Token:
    if len(piece) > 1:
        return piece[2]
    return Token(piece) if piece in "*?" else piece


def _spelling(token: str | Token) -> str:
    if isinstance(token, Token):
        return token.value
    return f"${{{token}}}" if token in {"*", "?", "$"} else token


@dataclass(frozen=True)
class _Moves:
    """Where one more character leads: `on` for the characters that a position waits for, else `other`."""

    other: int
    on: dict[str, int]


class _Automaton:
    """One glob, run over a text. A state is a bit mask: bit p is set if the first p steps can be done."""

    def __init__(self, glob: Glob) -> None:
        self.steps: list[str | None] = []  # the character that leads to the next position; None for any
        self.loops = 0  # the positions where a star stands
        for token in _stars_last(glob.tokens):
            if token is Token.ANY:
                self.loops |= 1 << len(self.steps)
            else:
                self.steps.append(token if isinstance(token, str) else None)
        self.end = 1 << len(self.steps)
        self.start = self._without_overtaken(1)
        self._moves: dict[int, _Moves] = {}

    def moves(self, state: int) -> _Moves:
        """Return where the next character leads from this state; worked out once a state."""
        known = self._moves.get(state)
        if known is None:
            known = self._moves[state] = self._work_out(state)
        return known

    def matches_whatever_follows(self, state: int) -> bool:
        """Whether a star at the end has been reached."""
        return bool(state & self.end & self.loops)

    def _work_out(self, state: int) -> _Moves:
        other = state & self.loops
        on: dict[str, int] = {}
        waiting = state & ~self.end
        while waiting:
            position = waiting & -waiting
            waiting ^= position
            expected = self.steps[position.bit_length() - 1]
            if expected is None:
                other |= position << 1
            else:
                on[expected] = on.get(expected, 0) | position << 1
        overtaken = self._without_overtaken
        return _Moves(overtaken(other), {char: overtaken(state | other) for char, state in on.items()})

    def _without_overtaken(self, state: int) -> int:
        """Drop the positions before the last star reached: what they can still match, the star can, too."""
        star = (state & self.loops).bit_length()
        return state >> (star - 1) << (star - 1) if star else state


def _stars_last(tokens: Iterable[str | Token]) -> Iterator[str | Token]:
    """Yield `??*` for `*?*?`, which means the same and keeps the states few."""
    star = False
    for token in tokens:
        if star and isinstance(token, str):
            yield Token.ANY
            star = False
        if token is Token.ANY:
            star = True
        else:
            yield token
    if star:
        yield Token.ANY


type _State = tuple[int, ...]  # one for each automaton


@dataclass(frozen=True)
class _Product:
    """All globs at once: the first `required` automata must match, the others must not."""

    automata: list[_Automaton]
    required: int
    unused: str  # a character that no glob mentions; it stands for all of them

    @classmethod
    def of(cls, all_of: Sequence[Glob], none_of: Sequence[Glob]) -> "_Product":
        required, forbidden = ([*dict.fromkeys(globs)] for globs in (all_of, none_of))
        mentioned = {token for glob in (*required, *forbidden) for token in glob.tokens}
        characters = chain(_READABLE, filter(str.isalnum, map(chr, range(0xC0, 0x110000))))
        unused = next(char for char in characters if char not in mentioned)
        return cls([_Automaton(glob) for glob in (*required, *forbidden)], len(required), unused)

    @property
    def start(self) -> _State | None:
        """The state before the first character; None if nothing can match."""
        return self._alive(tuple(automaton.start for automaton in self.automata))

    def is_match(self, state: _State) -> bool:
        """Whether a text that ends in this state is matched as it should be."""
        return all(
            bool(reached & automaton.end) is (index < self.required)
            for index, (automaton, reached) in enumerate(zip(self.automata, state, strict=True))
        )

    def run(self, state: _State | None, text: str) -> _State | None:
        """Return the state after this text; None as soon as nothing can match any more."""
        for char in text:
            if state is None:
                return None
            state = self._step([*map(_Automaton.moves, self.automata, state)], char)
        return state

    def accepts(self, text: str) -> bool:
        end = self.run(self.start, text)
        return end is not None and self.is_match(end)

    def successors(self, state: _State) -> Iterator[tuple[str, _State]]:
        """Yield the states one character further, each with such a character; the unused one comes first."""
        moves = [*map(_Automaton.moves, self.automata, state)]
        chars = {char for move in moves for char in move.on}
        for move in moves[: self.required]:
            if not move.other:
                chars &= move.on.keys()
        for char in (self.unused, *sorted(chars)):
            successor = self._step(moves, char)
            if successor is not None:
                yield char, successor

    def _step(self, moves: list[_Moves], char: str) -> _State | None:
        return self._alive(tuple(move.on.get(char, move.other) for move in moves))

    def _alive(self, state: _State) -> _State | None:
        if 0 in state[: self.required]:
            return None
        forbidden = zip(self.automata[self.required :], state[self.required :], strict=True)
        if any(automaton.matches_whatever_follows(reached) for automaton, reached in forbidden):
            return None
        return state


def _shortest(product: _Product, longest: int, most_states: int) -> str | Undecided | None:
    start = product.start
    came_from: dict[_State, tuple[_State, str] | None] = {} if start is None else {start: None}
    frontier = list(came_from)
    for _ in range(longest + 1):
        following: list[_State] = []
        for state in frontier:
            if product.is_match(state):
                return _spelled(came_from, state)
            for char, successor in product.successors(state):
                if successor in came_from:
                    continue
                came_from[successor] = (state, char)
                following.append(successor)
                if len(came_from) > most_states:
                    return Undecided(len(came_from))
        frontier = following
    return None


def _spelled(came_from: dict[_State, tuple[_State, str] | None], state: _State) -> str:
    chars: list[str] = []
    while (step := came_from[state]) is not None:
        state, char = step
        chars.append(char)
    return "".join(reversed(chars))


def _readable(product: _Product, found: str, longest: int) -> str:
    """Put a word where any character will do and where a path segment lacks a name; else once, where it fits.

    The last such place goes first, so that the text before a place is always as found.
    """
    before = [product.start]  # the state before each character, and at the end
    for char in found:
        before.append(product.run(before[-1], char))

    def with_word(text: str, start: int, end: int) -> str | None:
        tail = _WORD + text[end:]
        reached = product.run(before[start], tail) if start + len(tail) <= longest else None
        return text[:start] + tail if reached is not None and product.is_match(reached) else None

    text = found
    gaps = re.finditer(rf"{product.unused}+|(?<=/)(?=[/.]|\Z)", found)
    for gap in islice(reversed([*gaps]), _MOST_PLACES):
        text = with_word(text, *gap.span()) or text
    if text != found:
        return text
    places = sorted(range(len(found), -1, -1), key=lambda place: found[place - 1 : place] != "/")
    tried = (with_word(found, place, place) for place in places[:_MOST_PLACES])
    return next((text for text in tried if text is not None), found)
