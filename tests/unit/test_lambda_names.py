"""References to Lambda functions: every spelling of one function is read as the same."""

import re
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stackwarden.lambda_names import FunctionName, from_arn, from_invocation_uri, parse
from stackwarden.settings import Place

PLACE = Place("aws", "us-east-1", "123456789012")
RESIZE = FunctionName("aws", "us-east-1", "123456789012", "resize")
LIVE = FunctionName("aws", "us-east-1", "123456789012", "resize", "live")
INTEGRATION = "arn:aws:apigateway:us-east-1:lambda:path"

REGIONS = {
    "aws": ["us-east-1", "ap-southeast-5", "mx-central-1"],
    "aws-cn": ["cn-north-1"],
    "aws-us-gov": ["us-gov-west-1"],
    "aws-iso": ["us-iso-east-1"],
    "aws-iso-b": ["us-isob-east-1"],
    "aws-iso-e": ["eu-isoe-west-1"],
    "aws-eusc": ["eusc-de-east-1"],
}
ACCOUNTS = st.text("0123456789", min_size=12, max_size=12)
PLACES = st.sampled_from(
    [(partition, region) for partition in REGIONS for region in REGIONS[partition]]
).flatmap(lambda place: ACCOUNTS.map(lambda account: Place(*place, account)))
WORD = "abcXYZ019_-"
QUALIFIERS = (
    st.none()
    | st.text(WORD, min_size=1, max_size=128)
    | st.integers(min_value=1).map(str)
    | st.sampled_from(["$LATEST", "$LATEST.PUBLISHED"])
)
NAMES = st.text(WORD, min_size=1, max_size=64) | st.sampled_from(
    ["function", "us-east-1", "us-east-1.resize"]
)
FUNCTIONS = st.builds(
    lambda place, name, qualifier: FunctionName(
        place.partition, place.region, place.account, name, qualifier
    ),
    PLACES,
    NAMES,
    QUALIFIERS,
)


def place_of(function: FunctionName) -> Place:
    return Place(function.partition, function.region, function.account)


@pytest.mark.parametrize(
    "reference",
    [
        "resize",
        "function:resize",
        "123456789012:resize",
        "123456789012:function:resize",
        "us-east-1:123456789012:function:resize",
        "arn:aws:lambda:us-east-1:123456789012:function:resize",
    ],
)
def test_a_reference_without_qualifier(reference: str) -> None:
    assert parse(reference, PLACE) == RESIZE
    assert parse(f"{reference}:live", PLACE) == LIVE
    assert parse(f"{reference}:$LATEST", PLACE).qualifier == "$LATEST"


def test_what_a_reference_says_wins_over_the_place() -> None:
    china = FunctionName("aws-cn", "cn-north-1", "999999999999", "resize", "7")

    assert parse("arn:aws-cn:lambda:cn-north-1:999999999999:function:resize:7", PLACE) == china
    assert parse("999999999999:function:resize", PLACE).account == "999999999999"
    assert parse("resize", place_of(china)).arn == "arn:aws-cn:lambda:cn-north-1:999999999999:function:resize"


@pytest.mark.parametrize(
    ("reference", "name", "qualifier"),
    [
        ("function", "function", None),
        ("function:live", "live", None),
        ("function:function:live", "function", "live"),
        ("123456789012", "123456789012", None),
        ("123456789012:live", "live", None),
        ("us-east-1", "us-east-1", None),
        ("us-east-1.resize:3", "us-east-1.resize", "3"),
    ],
)
def test_a_name_that_looks_like_another_part_is_read_as_lambda_reads_it(
    reference: str, name: str, qualifier: str | None
) -> None:
    read = parse(reference, PLACE)

    assert (read.name, read.qualifier) == (name, qualifier)


def test_names_are_case_sensitive() -> None:
    assert parse("Resize", PLACE) != parse("resize", PLACE)


@pytest.mark.parametrize(
    ("qualifier", "unqualified"),
    [(None, True), ("$LATEST", True), ("$LATEST.PUBLISHED", False), ("live", False), ("1", False)],
)
def test_only_the_unpublished_code_is_unqualified(qualifier: str | None, unqualified: bool) -> None:
    assert FunctionName("aws", "us-east-1", "123456789012", "resize", qualifier).is_unqualified is unqualified


@pytest.mark.parametrize(
    "reference",
    [
        "",
        " resize",
        "resize\n",
        "resize\x00",
        "resize:",
        ":live",
        "resize:live:3",
        "resize:$latest",
        "resize:$LATEST.OTHER",
        "re.size",
        "größe",
        "a" * 65,
        "resize:" + "a" * 129,
        "arn:aws:lambda:us-east-1:123456789012:function:" + "a" * 65,
        "arn:aws:lambda:us-east-1:123456789012:resize",
        "arn:aws:lambda:us-east-1:12345678901:function:resize",
        "arn:aws:lambda:us-east-1:١٢٣٤٥٦٧٨٩٠١٢:function:resize",  # digits, but not ASCII's
        "arn:aws:lambda:us-east-1:123456789012:layer:resize:1",
        "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:resize",
        "arn:aws:lambda:*:123456789012:function:resize",
        "arn:aws:lambda::123456789012:function:resize",
        "arn:aws:sqs:us-east-1:123456789012:resize",
        "arn:aws:s3:::uploads",
        "arn:azure:lambda:us-east-1:123456789012:function:resize",
        f"{INTEGRATION}/2015-03-31/functions/{RESIZE.arn}/invocations",
    ],
)
def test_anything_else_is_refused_and_named(reference: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(reference)[1:40])):
        parse(reference, PLACE)


def test_a_very_long_reference_is_quoted_in_part() -> None:
    with pytest.raises(ValueError, match="…") as refused:
        parse("a" * 100_000, PLACE)

    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["", "resize", "123456789012:function:resize", "i-0123456789abcdef0"])
def test_what_is_no_arn_names_no_function_where_one_is_wanted(text: str) -> None:
    assert from_arn(text) is None


@pytest.mark.parametrize(
    "uri",
    [
        "/2015-03-31/functions/{}/invocations",
        "//2015-03-31/functions/{}/invocations",  # widely copied, and accepted
        "/2021-11-15/functions/{}/response-streaming-invocations",
    ],
)
def test_an_integration_uri_names_its_function(uri: str) -> None:
    assert from_invocation_uri(INTEGRATION + uri.format(RESIZE.arn)) == RESIZE
    assert from_invocation_uri(INTEGRATION + uri.format(LIVE.qualified_arn)) == LIVE


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://example.com/invocations",
        RESIZE.arn,
        f"{INTEGRATION}/2015-03-31/functions/{RESIZE.arn}",
        f"{INTEGRATION}/2015-03-31/functions/{RESIZE.arn}/invocations\n",
        f"{INTEGRATION}/2015-03-31/functions/{RESIZE.arn}:${{stageVariables.alias}}/invocations",
        f"{INTEGRATION}/2015-03-31/functions/resize/invocations",
        "arn:aws:apigateway:us-east-1:sqs:path/123456789012/queue",
        "arn:aws:apigateway:us-east-1:states:action/StartExecution",
    ],
)
def test_an_integration_with_something_else_names_no_function(uri: str) -> None:
    assert from_invocation_uri(uri) is None


@given(FUNCTIONS)
def test_an_arn_is_read_back_anywhere(function: FunctionName) -> None:
    assert parse(function.qualified_arn, PLACE) == function
    assert parse(function.arn, PLACE).qualified_arn == function.arn
    assert from_arn(function.qualified_arn) == function


@given(FUNCTIONS)
def test_every_spelling_of_a_function_is_read_as_the_same(function: FunctionName) -> None:
    tail = function.qualified_arn.removeprefix(f"{function.arn}")
    partial = f"{function.account}:function:{function.name}{tail}"

    assert parse(partial, place_of(function)) == function
    assert parse(f"{function.region}:{partial}", place_of(function)) == function
    assert parse(f"function:{function.name}{tail}", place_of(function)) == function


@given(FUNCTIONS)
def test_a_name_that_looks_like_nothing_else_is_enough(function: FunctionName) -> None:
    assume(not re.fullmatch(r"\d{12}|function|[a-z-]+-\d", function.name))
    tail = function.qualified_arn.removeprefix(f"{function.arn}")

    assert parse(f"{function.name}{tail}", place_of(function)) == function
    assert parse(f"{function.account}:{function.name}{tail}", place_of(function)) == function


@given(FUNCTIONS)
def test_an_integration_uri_names_the_function_in_any_partition(function: FunctionName) -> None:
    path = f"lambda:path/2015-03-31/functions/{function.qualified_arn}/invocations"

    assert from_invocation_uri(f"arn:{function.partition}:apigateway:{function.region}:{path}") == function


@given(st.text() | st.text("arn:wslmbd-0129$LATES.", max_size=80) | FUNCTIONS.map(lambda it: it.arn + ":\n"))
def test_arbitrary_text_is_read_or_refused(text: str) -> None:
    assert from_invocation_uri(text) is None
    read = None
    with suppress(ValueError):
        read = parse(text, PLACE)

    assert read is None or parse(read.qualified_arn, PLACE) == read
