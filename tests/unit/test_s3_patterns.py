"""Wildcard patterns: a witness matches; where there is none, trying all short strings finds none either."""

import re
from collections.abc import Sequence
from itertools import product
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stackwarden.policies.s3_patterns import ANYTHING, MOST_STATES, Glob, Token, Undecided, witness

BUCKET = "arn:aws:s3:::uploads/"
SOME_KEY = BUCKET + "?*"

SHORT = 4  # characters of the longest string tried by brute force
STRINGS = ["".join(chars) for length in range(SHORT + 1) for chars in product("ab/z", repeat=length)]

FEW: list[str | Token] = ["a", "b", "/", Token.ONE, Token.ANY]  # so that globs meet; z is in none
GLOBS = st.lists(st.sampled_from(FEW), max_size=5).map(lambda tokens: Glob(tuple(tokens)))
SEVERAL = st.lists(GLOBS, max_size=4)


def globs(patterns: Sequence[str]) -> list[Glob]:
    return [Glob.parse(pattern) for pattern in patterns]


def key(all_of: Sequence[str], none_of: Sequence[str] = ()) -> str | None:
    """Return the key of the witness in the bucket, for patterns of keys."""
    required = [SOME_KEY, *(BUCKET + pattern for pattern in all_of)]
    found = witness(globs(required), globs([BUCKET + pattern for pattern in none_of]))
    assert not isinstance(found, Undecided)
    return found and found.removeprefix(BUCKET)


def as_regexp(glob: Glob) -> re.Pattern[str]:
    spelling = {Token.ONE: ".", Token.ANY: ".*"}
    parts = (spelling[token] if isinstance(token, Token) else re.escape(token) for token in glob.tokens)
    return re.compile("".join(parts), re.DOTALL)


def fits(text: str, all_of: Sequence[Glob], none_of: Sequence[Glob]) -> bool:
    """Judge by regular expressions, which the module does not use to match."""
    required = all(as_regexp(glob).fullmatch(text) for glob in all_of)
    return required and not any(as_regexp(glob).fullmatch(text) for glob in none_of)


@pytest.mark.parametrize(
    ("all_of", "expected"),
    [
        (["in/*"], "in/example"),
        (["*"], "example"),
        (["in/*", "*.jpg"], "in/example.jpg"),
        (["in*", "*.jpg"], "inexample.jpg"),
        (["*.jpg"], "example.jpg"),
        (["logs/*/raw/*", "*.gz"], "logs/example/raw/example.gz"),
        (["?/*"], "x/example"),
        (["report-????.csv"], "report-xxxx.csv"),
        (["in/", "*"], "in/"),
        (["in/file.txt", "*.txt"], "in/file.txt"),
    ],
)
def test_a_witness_reads_like_a_key_that_somebody_would_write(all_of: list[str], expected: str) -> None:
    assert key(all_of) == expected


def test_a_prefix_and_a_suffix_may_share_characters_of_the_key() -> None:
    assert key(["ab*", "*bc", "???"]) == "abc"
    assert key(["in/a*", "*a.jpg", "in/??jpg"]) == "in/a.jpg"


def test_a_prefix_and_a_suffix_that_do_not_fit_into_one_character_are_disjoint() -> None:
    assert key(["ab*", "*bc", "??"]) is None


def test_prefixes_of_input_and_output_that_do_not_overlap_are_disjoint() -> None:
    assert key(["in/*", "out/*"]) is None


def test_a_prefix_within_the_other_is_no_separation() -> None:
    assert key(["in/*", "in/done/*"]) == "in/done/example"


def test_suffixes_are_compared_case_by_case() -> None:
    assert key(["*.jpg", "*.JPG"]) is None


def test_a_bucket_whose_name_starts_like_another_is_another_bucket() -> None:
    assert witness(globs(["arn:aws:s3:::data/?*", "arn:aws:s3:::data-archive/*"])) is None


def test_a_wildcard_in_the_bucket_name_reaches_the_buckets_with_that_prefix() -> None:
    found = witness(globs(["arn:aws:s3:::data-archive/?*", "arn:aws:s3:::data*"]))

    assert found == "arn:aws:s3:::data-archive/example"


def test_a_wildcard_in_the_bucket_name_reaches_into_the_key() -> None:
    found = witness(globs(["arn:aws:s3:::data/?*", "arn:aws:s3:::*-copy/x"]))

    assert found == "arn:aws:s3:::data/example-copy/x"
    assert witness(globs(["arn:aws:s3:::data/?*", "arn:aws:s3:::*-copy/x"]), globs(["*a/*"])) is None


@pytest.mark.parametrize(
    "deny", [["*"], ["*/*"], ["in/*"], ["in/*.jpg"], ["i?/*.jp*"], ["in/*a*", "in/*.jpg"]]
)
def test_denials_that_cover_every_key_leave_none(deny: list[str]) -> None:
    assert key(["in/*", "*.jpg"], deny) is None


def test_denials_that_only_together_cover_every_key_leave_none() -> None:
    assert key(["in/?"], ["in/a", "*/?"]) is None
    assert key(["?*"], ["?", "??*"]) is None


def test_denials_with_a_hole_leave_the_keys_in_the_hole() -> None:
    assert key(["in/*", "*.jpg"], ["in/*/*", "in/a*", "in/.*"]) == "in/example.jpg"
    assert key(["in/*"], ["in/??*", "in/"]) == "in/x"


def test_a_word_that_is_denied_is_not_put_in() -> None:
    assert key(["in/*", "*.jpg"], ["*example*"]) == "in/.jpg"


def test_a_character_that_no_glob_mentions_is_found() -> None:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    found = key(["?"], list(letters))

    assert found is not None
    assert found not in letters
    assert found.isalnum()


def test_characters_beyond_ascii_and_line_breaks_are_characters() -> None:
    assert key(["Größe/?", "*é"]) == "Größe/é"
    assert key(["日本/*", "*.jpg"]) == "日本/example.jpg"
    assert Glob.parse("a?*\n").matches("a\n\n")
    assert not Glob.parse("a\n").matches("a")


def test_a_partial_match_may_begin_within_another() -> None:
    assert Glob.parse("*aab").matches("aaab")
    assert Glob.parse("*a?b*").matches("aacb")


def test_no_glob_at_all_is_matched_by_anything() -> None:
    assert witness([]) == "example"
    assert witness([], [ANYTHING]) is None


def test_a_witness_is_no_longer_than_asked_for() -> None:
    assert witness(globs(["in/*"]), longest=9) == "in/"
    assert witness(globs(["in/*"]), longest=10) == "in/example"
    assert witness(globs(["in/*"]), longest=2) is None
    assert witness(globs(["a" * 2000])) is None


def test_a_search_that_reaches_its_bound_says_so() -> None:
    assert witness(globs(["*a", "*b*"]), most_states=1) == Undecided(states=2)


def test_what_a_denial_covers_whole_is_not_searched() -> None:
    allowed = globs(["in/*a?c*", "*d?f*", "*g?i*"])

    assert witness(allowed, [ANYTHING], most_states=0) is None
    assert witness(allowed, globs(["in/*"]), most_states=3) is None


def test_globs_with_many_stars_end_at_the_bound() -> None:
    letters = "abcdefghijklmnopqrst"
    nasty = ["*" + "*".join(letters[start:] + letters[:start]) + "*" for start in range(20)]

    assert witness(globs(nasty)) == Undecided(states=MOST_STATES + 1)


def test_an_everyday_question_is_decided_within_a_few_states() -> None:
    bucket = "arn:aws:s3:::a-company-with-a-long-name-uploads-production/"
    allowed = globs([bucket + "?*", bucket + "in/*", bucket + "*.jpg", "arn:aws:s3:::a-company-*/*", "*"])
    denied = globs([bucket + f"team-{number}/*" for number in range(40)])

    found = witness(allowed, denied, most_states=200)

    assert found == bucket + "in/example.jpg"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("${*}.txt", "*.txt"),
        ("${?}", "?"),
        ("${$}{*}", "${anything}"),
        ("${aws:username}", "${aws:username}"),
    ],
)
def test_escaped_characters_stand_for_themselves(pattern: str, text: str) -> None:
    assert Glob.parse(pattern).matches(text)


@pytest.mark.parametrize(("pattern", "text"), [("${*}.txt", "a.txt"), ("${?}", "a"), ("${$}", "${$}")])
def test_escaped_characters_are_no_wildcards(pattern: str, text: str) -> None:
    assert not Glob.parse(pattern).matches(text)


def test_wildcards_in_a_literal_are_characters() -> None:
    prefix = Glob.literal("a*?/")

    assert prefix.is_literal
    assert not (prefix + ANYTHING).is_literal
    assert (prefix + ANYTHING).matches("a*?/key")
    assert not (prefix + ANYTHING).matches("abc/key")


def test_a_token_of_several_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="one character"):
        Glob(("ab",))


@settings(max_examples=400)
@given(all_of=SEVERAL, none_of=SEVERAL)
def test_there_is_a_short_witness_exactly_where_brute_force_finds_one(
    all_of: list[Glob], none_of: list[Glob]
) -> None:
    found = witness(all_of, none_of, longest=SHORT)

    assert not isinstance(found, Undecided)
    assert (found is not None) == any(fits(text, all_of, none_of) for text in STRINGS)
    assert found is None or len(found) <= SHORT


@settings(max_examples=400)
@given(all_of=SEVERAL, none_of=SEVERAL)
def test_a_witness_matches_all_of_these_and_none_of_those(all_of: list[Glob], none_of: list[Glob]) -> None:
    found = witness(all_of, none_of)

    assert not isinstance(found, Undecided)
    if found is None:
        assert not any(fits(text, all_of, none_of) for text in STRINGS)
    else:
        assert fits(found, all_of, none_of)


@given(all_of=SEVERAL, none_of=SEVERAL, order=st.randoms(use_true_random=False), bound=st.integers(1, 40))
def test_the_order_of_the_globs_changes_nothing(
    all_of: list[Glob], none_of: list[Glob], order: Random, bound: int
) -> None:
    before = witness(all_of, none_of, most_states=bound)
    shuffled = [sorted(each, key=lambda _: order.random()) for each in (all_of, none_of)]

    assert witness(*shuffled, most_states=bound) == before


@given(all_of=SEVERAL, none_of=SEVERAL, bound=st.integers(0, 20))
def test_a_bound_never_changes_an_answer_only_withholds_it(
    all_of: list[Glob], none_of: list[Glob], bound: int
) -> None:
    bounded = witness(all_of, none_of, most_states=bound)

    if isinstance(bounded, Undecided):
        assert bounded.states > bound
    else:
        assert bounded == witness(all_of, none_of)


@settings(max_examples=400)
@given(glob=GLOBS, text=st.text("ab/", max_size=8))
def test_matching_agrees_with_regular_expressions(glob: Glob, text: str) -> None:
    assert glob.matches(text) == (as_regexp(glob).fullmatch(text) is not None)


@given(first=GLOBS, second=GLOBS)
def test_a_concatenation_matches_a_text_of_the_one_and_then_of_the_other(first: Glob, second: Glob) -> None:
    texts = [witness([glob]) for glob in (first, second)]

    assert (first + second).matches("".join(str(text) for text in texts))


@given(text=st.text())
def test_a_literal_matches_itself_alone(text: str) -> None:
    assert Glob.literal(text).matches(text)
    assert not Glob.literal(text).matches(text + "a")
    assert witness([Glob.literal(text)]) == text


@example("${$}")
@example("${*}")
@given(st.text("a*?${}", max_size=10))
def test_what_is_spelled_is_read_back(text: str) -> None:
    glob = Glob.parse(text)

    assert Glob.parse(str(glob)) == glob
    assert Glob.parse(str(Glob.literal(text))) == Glob.literal(text)
