"""Which S3 events and keys an EventBridge rule's pattern matches; moto's matcher is the other opinion."""

import json
from collections.abc import Iterable
from itertools import product
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from moto.events.models import EventPattern
from moto.events.utils import EventMessageType

from stackwarden.policies.s3_event_patterns import MOST_ALTERNATIVES
from stackwarden.policies.s3_rules import Match, matches, triggers
from stackwarden.policies.s3_state import Bucket, Event, KeyFilter, Rule

ACCOUNT = "111122223333"
REGION = "eu-central-1"
CREATED = (Event.PUT, Event.POST, Event.COPY, Event.COMPLETE_MULTIPART_UPLOAD)
DELETED = (Event.DELETE, Event.DELETE_MARKER_CREATED)
EVERY_KEY = (KeyFilter(),)
ABOUT_S3 = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
KEYS = ["".join(chars) for length in range(4) for chars in product("aB/*", repeat=length)]

Json = dict[str, Any]


def found(pattern: Json) -> Match | None:
    """What matches, where it is the same for every event; None if nothing does."""
    parts = matches(pattern, bucket="uploads", account=ACCOUNT, region=REGION)
    assert len(parts) < 2
    return parts[0] if parts else None


def on_key(*conditions: Any) -> Match:
    matching = found({**ABOUT_S3, "detail": {"object": {"key": list(conditions)}}})
    assert matching is not None
    return matching


def passes(key: str, filters: Iterable[KeyFilter]) -> bool:
    return any(
        all(glob.matches(key) for glob in key_filter.all_of)
        and not any(glob.matches(key) for glob in key_filter.none_of)
        for key_filter in filters
    )


def texts(matching: Match) -> list[str]:
    return [key_filter.text for key_filter in matching.filters]


def created(key: str = "in/a.jpg", reason: str = "PutObject") -> Json:
    """The event as S3 documents it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2021-11-12T00:00:00Z",
        "region": REGION,
        "resources": ["arn:aws:s3:::uploads"],
        "detail": {
            "version": "0",
            "bucket": {"name": "uploads"},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "617f",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "1.2.3.4",
            "reason": reason,
        },
    }


def other(detail_type: str, key: str, without: Iterable[str] = (), **detail: str) -> Json:
    event = created(key)
    event["detail-type"] = detail_type
    for name in ("reason", *without):
        event["detail"].pop(name, None)
        event["detail"]["object"].pop(name, None)
    event["detail"] |= {name.replace("_", "-"): value for name, value in detail.items()}
    return event


def events_for(key: str) -> dict[Event, Json]:
    by_s3 = {"requester": "s3.amazonaws.com"}
    bare = ("size", "sequencer")
    deleted = {"reason": "DeleteObject"}
    marker = deleted | {"deletion_type": "Delete Marker Created"}
    gone = deleted | {"deletion_type": "Permanently Deleted"}
    glacier = {"source_storage_class": "GLACIER"}
    back = glacier | by_s3 | {"restore_expiry_time": "2021-11-13T00:00:00Z"}
    return {
        Event.PUT: created(key),
        Event.POST: created(key, "POST Object"),
        Event.COPY: created(key, "CopyObject"),
        Event.COMPLETE_MULTIPART_UPLOAD: created(key, "CompleteMultipartUpload"),
        Event.DELETE: other("Object Deleted", key, ["size", "etag"], **gone),
        Event.DELETE_MARKER_CREATED: other("Object Deleted", key, ["size"], **marker),
        Event.TAGGING_PUT: other("Object Tags Added", key, bare),
        Event.TAGGING_DELETE: other("Object Tags Deleted", key, bare),
        Event.ACL_PUT: other("Object ACL Updated", key, bare),
        Event.RESTORE_POST: other("Object Restore Initiated", key, ["sequencer"], **glacier),
        Event.RESTORE_COMPLETED: other(
            "Object Restore Completed", key, ["sequencer", "source-ip-address"], **back
        ),
        Event.RESTORE_DELETE: other("Object Restore Expired", key, [*bare, "source-ip-address"], **by_s3),
    }


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": ["aws.s3"]},
        {"source": [{"prefix": "aws."}]},
        {"source": [{"wildcard": "aws.*"}], "account": [ACCOUNT], "region": [{"suffix": "-1"}]},
        {"source": [{"anything-but": ["aws.ec2", "aws.iam"]}], "version": ["0"]},
        {"source": [{"equals-ignore-case": "AWS.S3"}]},
        {"source": ["aws.ec2", "aws.s3"]},
        {"resources": ["arn:aws:s3:::uploads"], "id": [{"exists": True}]},
        {"resources": [{"prefix": "arn:aws:s3:::up"}], "replay-name": [{"exists": False}]},
        {"detail": {"bucket": {"name": ["uploads", "others"]}, "errorCode": [{"exists": False}]}},
        {"detail": {"bucket.name": [{"prefix": {"equals-ignore-case": "UP"}}]}},
        {"detail": {"object": [{"exists": False}]}},
    ],
    ids=str,
)
def test_a_pattern_that_every_event_of_the_bucket_matches(pattern: Json) -> None:
    assert found(pattern) == Match(tuple(Event), EVERY_KEY)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2"]},
        {"source": []},
        {"source": [None]},
        {"source": [{"anything-but": {"prefix": "aws."}}]},
        {"source": [{"anything-but": {"equals-ignore-case": ["AWS.S3"]}}]},
        {"source": [{"numeric": ["=", 1]}]},
        {"source": [{"exists": False}]},
        {"account": [111122223333]},
        {"account": ["444455556666"]},
        {"region": ["us-east-1"]},
        {"resources": ["arn:aws:s3:::uploads/*"]},
        {"detail-type": ["AWS API Call via CloudTrail"]},
        {"detail-type": ["Object Storage Class Changed"]},
        {"detail": {"eventName": ["PutObject"]}},
        {"detail": {"eventName": [{"anything-but": "PutObject"}]}},
        {"detail": {"bucket": {"name": [{"anything-but": ["uploads"]}]}}},
        {"detail": {"bucket": ["uploads"]}},
        {"detail": {"object": [{"exists": True}]}},
        {"detail": {"reason": ["Lifecycle Expiration"]}},
        {"detail": {"requester": ["444455556666"]}},
        {"detail": {"object": {"key": [{"exists": False}]}}},
        {"detail": {"object": {"key": [7, None, True]}}},
        {"source": ["aws.s3"], "$or": [{"region": ["us-east-1"]}, {"account": ["1"]}]},
    ],
    ids=str,
)
def test_a_pattern_that_no_event_of_the_bucket_matches(pattern: Json) -> None:
    assert found(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "events"),
    [
        ({"detail-type": ["Object Created"]}, CREATED),
        ({"detail-type": ["Object Deleted"]}, DELETED),
        ({"detail-type": ["Object Tags Added"]}, (Event.TAGGING_PUT,)),
        ({"detail-type": ["Object Tags Deleted"]}, (Event.TAGGING_DELETE,)),
        ({"detail-type": ["Object ACL Updated"]}, (Event.ACL_PUT,)),
        ({"detail-type": ["Object Restore Initiated"]}, (Event.RESTORE_POST,)),
        ({"detail-type": ["Object Restore Completed"]}, (Event.RESTORE_COMPLETED,)),
        ({"detail-type": ["Object Restore Expired"]}, (Event.RESTORE_DELETE,)),
        ({"detail-type": [{"suffix": {"equals-ignore-case": "DELETED"}}]}, (*DELETED, Event.TAGGING_DELETE)),
        ({"detail": {"reason": ["PutObject"]}}, (Event.PUT,)),
        ({"detail": {"reason": ["POST Object"]}}, (Event.POST,)),
        ({"detail": {"reason": ["CopyObject"]}}, (Event.COPY,)),
        ({"detail": {"reason": ["CompleteMultipartUpload"]}}, (Event.COMPLETE_MULTIPART_UPLOAD,)),
        ({"detail": {"reason": [{"anything-but": "DeleteObject"}]}}, CREATED),
        ({"detail": {"deletion-type": ["Permanently Deleted"]}}, (Event.DELETE,)),
        ({"detail": {"deletion-type": ["Delete Marker Created"]}}, (Event.DELETE_MARKER_CREATED,)),
        ({"detail": {"deletion-type": [{"exists": True}]}}, DELETED),
        ({"detail": {"requester": ["s3.amazonaws.com"]}}, (Event.RESTORE_COMPLETED, Event.RESTORE_DELETE)),
        ({"detail": {"object": {"sequencer": [{"exists": True}]}}}, (*CREATED, *DELETED)),
    ],
    ids=str,
)
def test_a_pattern_chooses_the_kinds_of_events(pattern: Json, events: tuple[Event, ...]) -> None:
    assert found(pattern) == Match(events, EVERY_KEY)


@pytest.mark.parametrize(
    ("condition", "text", "passing", "stopped"),
    [
        ("in/a", "key 'in/a'", ["in/a"], ["in/ab", "In/a"]),
        ("in/*", "key 'in/*'", ["in/*"], ["in/a"]),
        ({"prefix": "in/"}, "key prefix 'in/'", ["in/", "in/a/b"], ["out/in/", "In/a"]),
        ({"suffix": ".jpg"}, "key suffix '.jpg'", [".jpg", "a/b.jpg"], ["a.JPG", "a.jpg "]),
        ({"wildcard": "in/*.j?g"}, "key like 'in/*.j?g'", ["in/a/b.j?g"], ["in/a.jpg"]),
        ({"wildcard": r"in/\*\\*"}, r"key like 'in/\\*\\\\*'", ["in/*\\", "in/*\\a"], ["in/a", "in/\\*"]),
        ({"anything-but": "a"}, "any key but 'a'", ["b", "aa", ""], ["a"]),
        ({"anything-but": ["a", "b"]}, "any key but 'a' or 'b'", ["c"], ["a", "b"]),
        ({"anything-but": [1, 2]}, "every key", ["1", "a"], []),
        ({"anything-but": {"prefix": "out/"}}, "any key but prefix 'out/'", ["in/a"], ["out/a", "out/"]),
        (
            {"anything-but": {"suffix": [".a", ".b"]}},
            "any key but suffix '.a' or suffix '.b'",
            ["a"],
            ["x.b"],
        ),
        ({"anything-but": {"wildcard": "*/lib/*"}}, "any key but like '*/lib/*'", ["lib/a"], ["a/lib/b"]),
        (
            {"anything-but": {"equals-ignore-case": "ab"}},
            "any key but 'ab' in any case",
            ["abc"],
            ["ab", "AB", "aB"],
        ),
        ({"exists": True}, "every key", ["a"], []),
    ],
    ids=str,
)
def test_a_test_of_the_key_is_a_filter(
    condition: Any, text: str, passing: list[str], stopped: list[str]
) -> None:
    matching = on_key(condition)
    assert (matching.events, matching.doubt) == (CREATED, "")
    assert texts(matching) == [text]
    assert [key for key in passing if not passes(key, matching.filters)] == []
    assert [key for key in stopped if passes(key, matching.filters)] == []


@pytest.mark.parametrize(
    ("condition", "text", "passing", "stopped"),
    [
        ({"equals-ignore-case": "a.b"}, "key 'a.b' in any case", ["a.b", "A.B", "a.B"], ["aab", "a.bc"]),
        ({"suffix": {"equals-ignore-case": ".Jpg"}}, "key suffix '.Jpg' in any case", ["x.jPG"], ["xjpg"]),
        ({"equals-ignore-case": "ß"}, "key 'ß' in any case", ["ß"], ["SS", "s"]),
        ({"prefix": {"equals-ignore-case": "I/"}}, "key prefix 'I/' in any case", ["i/", "I/a"], ["l/"]),
    ],
    ids=str,
)
def test_a_short_text_in_any_case_is_spelled_out(
    condition: Any, text: str, passing: list[str], stopped: list[str]
) -> None:
    matching = on_key(condition)
    assert (set(texts(matching)), matching.doubt) == ({text}, "")
    assert all(passes(key, matching.filters) for key in passing)
    assert not any(passes(key, matching.filters) for key in stopped)


def test_a_long_text_in_any_case_is_in_doubt_and_no_key_is_missed() -> None:
    matching = on_key({"prefix": {"equals-ignore-case": "incoming/"}})
    assert len(matching.filters) == 1
    assert matching.doubt == "detail.object.key prefix 'incoming/' in any case is not evaluated exactly"
    assert passes("InComing/a", matching.filters)
    assert not passes("incoming", matching.filters)


def test_a_long_text_in_any_case_excludes_no_key_for_certain() -> None:
    matching = on_key({"anything-but": {"equals-ignore-case": ["incoming", "a"]}})
    assert "'incoming' in any case is not evaluated exactly" in matching.doubt
    assert passes("incoming", matching.filters)
    assert not passes("A", matching.filters)


def test_values_of_a_list_are_alternatives() -> None:
    matching = on_key({"prefix": "in/"}, "a.txt", {"anything-but": {"prefix": "o"}})
    assert texts(matching) == ["key prefix 'in/'", "key 'a.txt'", "any key but prefix 'o'"]


def test_or_combines_with_its_neighbours() -> None:
    jpg = {"object": {"key": [{"suffix": ".jpg"}]}}
    png = {"object": {"key": [{"anything-but": {"suffix": ".png"}}]}}
    key = [{"prefix": "in/"}, {"prefix": "new/"}]
    matching = found({**ABOUT_S3, "detail": {"object": {"key": key}, "$or": [jpg, png]}})
    assert matching is not None
    assert texts(matching) == [
        "key prefix 'in/' and suffix '.jpg'",
        "key prefix 'in/' but not suffix '.png'",
        "key prefix 'new/' and suffix '.jpg'",
        "key prefix 'new/' but not suffix '.png'",
    ]


def test_an_or_of_which_one_side_always_holds_filters_nothing() -> None:
    key = {"detail": {"object": {"key": ["a"]}}}
    matching = found({**ABOUT_S3, "$or": [key, {"region": [REGION]}]})
    assert matching == Match(CREATED, EVERY_KEY)


@pytest.mark.parametrize(
    "detail",
    [
        {"object": {"size": [{"numeric": [">", 0]}]}},
        {"object": {"etag": ["b1946ac92492d2347c6235b4d2611184"]}},
        {"object": {"version-id": [{"exists": True}]}},
        {"source-ip-address": [{"cidr": "10.0.0.0/24"}]},
        {"request-id": [{"anything-but": "a"}]},
        {"bucket": {"name": [{"regex": "u.*"}]}},
        {"bucket": {"name": [["uploads"]]}},
        {"bucket": {"name": [{"prefix": "u", "suffix": "s"}]}},
        {"bucket": {"name": [{"prefix": []}]}},
        {"bucket": {"name": [{"anything-but": None}]}},
        {"bucket": {"name": [{"anything-but": True}]}},
        {"bucket": {"name": [{"wildcard": {"equals-ignore-case": "u*"}}]}},
        {"event-version": [{"exists": False}]},
        {"bucket": {"name": "uploads"}},
        {"bucket": {"name": {}}},
        {"bucket": {"name": [{"exists": "yes"}]}},
        {"bucket": {"$or": [{"name": ["others"]}]}},
        {"object": {"key": [{"cidr": "10.0.0.0/24"}]}},
        {"object": {"key": [{"anything-but": {"prefix": {"suffix": "a"}}}]}},
    ],
    ids=str,
)
def test_what_is_not_evaluated_is_taken_to_hold_and_named(detail: Json) -> None:
    matching = found({**ABOUT_S3, "detail": detail})
    assert matching is not None
    assert (matching.events, matching.filters) == (CREATED, EVERY_KEY)
    assert "not evaluated" in matching.doubt
    assert f"detail.{next(iter(detail))}" in matching.doubt


@pytest.mark.parametrize(
    ("field", "events"),
    [
        ({"object": {"size": [{"exists": True}]}}, (*CREATED, Event.RESTORE_POST, Event.RESTORE_COMPLETED)),
        ({"source-ip-address": [{"exists": False}]}, (Event.RESTORE_COMPLETED, Event.RESTORE_DELETE)),
        ({"source-storage-class": [{"exists": True}]}, (Event.RESTORE_POST, Event.RESTORE_COMPLETED)),
        ({"restore-expiry-time": [{"exists": True}]}, (Event.RESTORE_COMPLETED,)),
    ],
    ids=str,
)
def test_some_fields_are_there_for_some_events_only(field: Json, events: tuple[Event, ...]) -> None:
    assert found({"detail": field}) == Match(events, EVERY_KEY)


def test_a_deleted_object_may_have_no_etag() -> None:
    matching = found({"detail-type": ["Object Deleted"], "detail": {"object": {"etag": [{"exists": False}]}}})
    assert matching == Match(DELETED, EVERY_KEY, "detail.object.etag is not evaluated")


def exactly(event: Json) -> Json:
    """A pattern that asks for every field of an event."""
    return {
        name: exactly(value) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        for name, value in event.items()
    }


@pytest.mark.parametrize("event", Event)
def test_a_pattern_of_every_documented_field_matches_that_event_only(event: Event) -> None:
    matching = found(exactly(events_for("in/a.jpg")[event]))
    assert matching is not None
    assert matching.events == (event,)
    assert texts(matching) == ["key 'in/a.jpg'"]


@pytest.mark.parametrize("name", ["version", "detail.version"])
def test_the_versions_are_known(name: str) -> None:
    assert found({name: ["0"]}) == Match(tuple(Event), EVERY_KEY)
    assert found({name: ["1"]}) is None


def test_a_product_that_is_too_large_is_left_out_with_a_doubt() -> None:
    prefixes = [{"prefix": f"{number}/"} for number in range(20)]
    suffixes = [{"object": {"key": [{"suffix": f".{number}"}]}} for number in range(20)]
    matching = found({**ABOUT_S3, "detail": {"object": {"key": prefixes}, "$or": suffixes}})
    assert matching is not None
    assert len(matching.filters) == 20
    assert "not evaluated" in matching.doubt
    assert passes("7/a.7", matching.filters)


def test_a_list_that_is_too_long_is_left_out_with_a_doubt() -> None:
    matching = on_key(*(f"key-{number}" for number in range(MOST_ALTERNATIVES + 1)))
    assert matching.filters == EVERY_KEY
    assert "detail.object.key has more than" in matching.doubt


def test_a_pattern_of_endless_depth_is_in_doubt() -> None:
    deep: Json = {"region": ["us-east-1"]}
    for _ in range(5000):
        deep = {"$or": [deep, {"region": ["us-east-1"]}]}
    matching = found(deep)
    assert matching is not None
    assert "levels" in matching.doubt


def test_other_partitions_have_arns_of_their_own() -> None:
    pattern = {"resources": ["arn:aws-cn:s3:::uploads"]}
    place = {"bucket": "uploads", "account": ACCOUNT, "region": "cn-north-1"}
    assert matches(pattern, **place) == []
    assert len(matches(pattern, **place, partition="aws-cn")) == 1


QUEUE = "arn:aws:sqs:eu-central-1:111122223333:work"
FUNCTION = "arn:aws:lambda:eu-central-1:111122223333:function:resize"
RULE_ARN = "arn:aws:events:eu-central-1:111122223333:rule/uploaded"


def rule(pattern: Json, *targets: str) -> Rule:
    return Rule("uploaded", RULE_ARN, pattern, targets or (FUNCTION,))


def test_a_rule_triggers_each_of_its_targets_once() -> None:
    bucket = Bucket("uploads", to_eventbridge=True)
    pattern = {**ABOUT_S3, "detail": {"object": {"key": [{"prefix": "in/"}]}}}
    both = triggers(rule(pattern, FUNCTION, QUEUE, QUEUE), bucket, account=ACCOUNT, region=REGION)
    assert [trigger.target for trigger in both] == [FUNCTION, QUEUE]
    for trigger in both:
        assert (trigger.kind, trigger.name, trigger.source_arn) == ("rule", "uploaded", RULE_ARN)
        assert (trigger.bucket, trigger.events) == ("uploads", CREATED)
        assert trigger.filters == on_key({"prefix": "in/"}).filters


def test_a_rule_says_nothing_of_a_bucket_that_does_not_tell_eventbridge() -> None:
    assert triggers(rule(ABOUT_S3), Bucket("uploads"), account=ACCOUNT, region=REGION) == ()


@pytest.mark.parametrize("pattern", [{}, {"detail": {"bucket": {"name": ["others"]}}}], ids=str)
def test_a_schedule_or_a_rule_for_another_bucket_triggers_nothing(pattern: Json) -> None:
    bucket = Bucket("uploads", to_eventbridge=True)
    assert triggers(rule(pattern), bucket, account=ACCOUNT, region=REGION) == ()


def test_filters_that_depend_on_the_event_are_triggers_of_their_own() -> None:
    uploaded = {"detail-type": ["Object Created"], "detail": {"object": {"key": [{"prefix": "in/"}]}}}
    removed = {"detail-type": ["Object Deleted"], "detail": {"object": {"key": [{"prefix": "out/"}]}}}
    bucket = Bucket("uploads", to_eventbridge=True)
    pattern = {"$or": [uploaded, removed]}
    assert [
        (trigger.events, [each.text for each in trigger.filters], trigger.doubt)
        for trigger in triggers(rule(pattern), bucket, account=ACCOUNT, region=REGION)
    ] == [(CREATED, ["key prefix 'in/'"], ""), (DELETED, ["key prefix 'out/'"], "")]


def test_a_doubt_about_one_alternative_is_none_about_another() -> None:
    small = {"object": {"size": [{"numeric": ["<", 9]}]}}
    pattern = {**ABOUT_S3, "detail": {"$or": [{"object": {"key": [{"prefix": "in/"}]}}, small]}}
    bucket = Bucket("uploads", to_eventbridge=True)
    certain, doubtful = triggers(rule(pattern), bucket, account=ACCOUNT, region=REGION)
    assert ([each.text for each in certain.filters], certain.doubt) == (["key prefix 'in/'"], "")
    assert (doubtful.filters, doubtful.doubt) == (EVERY_KEY, "detail.object.size is not evaluated")


TEXTS = st.text("aB/*", max_size=3)
SEVERAL = st.lists(TEXTS, min_size=1, max_size=2)
STRING_TESTS = st.one_of(
    TEXTS,
    st.sampled_from([None, 1, True, {"exists": True}, {"exists": False}]),
    *(st.fixed_dictionaries({name: TEXTS}) for name in ("prefix", "suffix", "equals-ignore-case")),
    *(
        st.fixed_dictionaries({name: st.fixed_dictionaries({"equals-ignore-case": TEXTS})})
        for name in ("prefix", "suffix")
    ),
    st.fixed_dictionaries({"wildcard": st.text("aB/*\\", max_size=4)}),
    st.fixed_dictionaries({"anything-but": TEXTS | SEVERAL}),
    *(
        st.fixed_dictionaries({"anything-but": st.fixed_dictionaries({name: TEXTS | SEVERAL})})
        for name in ("prefix", "suffix", "wildcard", "equals-ignore-case")
    ),
)
DETAIL_TYPES = ["Object Created", "Object Deleted", "Object ACL Updated", {"prefix": "Object Restore"}]
REASONS = ["PutObject", "DeleteObject", {"anything-but": "CopyObject"}, {"exists": False}]
KEY_PATTERNS = st.fixed_dictionaries(
    {"object": st.fixed_dictionaries({"key": st.lists(STRING_TESTS, max_size=3)})}
)
DETAILS = st.one_of(
    KEY_PATTERNS,
    st.fixed_dictionaries({"reason": st.lists(st.sampled_from(REASONS), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"deletion-type": st.lists(STRING_TESTS, max_size=2)}),
    st.fixed_dictionaries({"$or": st.lists(KEY_PATTERNS, min_size=2, max_size=3)}),
)
SIMPLE = st.one_of(
    st.fixed_dictionaries({"detail-type": st.lists(st.sampled_from(DETAIL_TYPES), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"detail": DETAILS}),
    st.builds(lambda one, other: {"detail": {**one, **other}}, DETAILS, DETAILS),
    st.fixed_dictionaries({"account": st.just([ACCOUNT]), "detail": DETAILS}),
)
PATTERNS = st.one_of(
    SIMPLE,
    st.builds(lambda parts, one: {"$or": parts, **one}, st.lists(SIMPLE, min_size=2, max_size=3), SIMPLE),
)


def says_moto(pattern: Json, event: Json) -> bool:
    return EventPattern(None, pattern).matches_event(cast(EventMessageType, event))


def keys_by_event(pattern: Json) -> dict[Event, tuple[list[str], str]]:
    """The keys that pass the triggers of each event, and what is in doubt about it."""
    bucket = Bucket("uploads", to_eventbridge=True)
    all_triggers = triggers(rule(pattern), bucket, account=ACCOUNT, region=REGION)
    answer: dict[Event, tuple[list[str], str]] = {}
    for event in Event:
        mine = [trigger for trigger in all_triggers if event in trigger.events]
        passing = [key for key in KEYS if any(passes(key, trigger.filters) for trigger in mine)]
        answer[event] = passing, "; ".join(trigger.doubt for trigger in mine)
    return answer


@given(PATTERNS)
@example({"detail": {"object": {"key": [{"wildcard": "\\"}]}}})
def test_the_filters_let_pass_what_another_matcher_does(pattern: Json) -> None:
    events = {key: events_for(key) for key in KEYS}
    for event, (passing, doubt) in keys_by_event(pattern).items():
        assert doubt == ""
        assert passing == [key for key in KEYS if says_moto(pattern, events[key][event])]


UNKNOWN = st.sampled_from(
    [
        {"detail": {"object": {"size": [{"numeric": [">", 4]}]}}},
        {"detail": {"object": {"version-id": [{"exists": False}]}}},
        {"detail": {"source-ip-address": [{"cidr": "1.2.3.0/24"}, "9.9.9.9"]}},
        {"detail": {"object": {"key": [{"prefix": {"equals-ignore-case": "aaaaaaaaaa"}}]}}},
    ]
)


@given(PATTERNS, UNKNOWN)
def test_with_a_doubt_too_many_keys_may_pass_but_never_too_few(pattern: Json, unknown: Json) -> None:
    both = {"$or": [unknown, {"detail": {"object": {"key": ["a"]}}}], "account": [ACCOUNT], **pattern}
    events = {key: events_for(key) for key in KEYS}
    for event, (passing, _) in keys_by_event(both).items():
        assert {key for key in KEYS if says_moto(both, events[key][event])} <= set(passing)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$or", "prefix", "anything-but", "wildcard", "exists", "equals-ignore-case", "key", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(ODD, ODD, ODD)
def test_no_pattern_is_too_odd(at_the_top: Any, known: Any, key: Any) -> None:
    pattern = {"$or": at_the_top, "source": known, "detail": {"object": {"key": key}, "x": known}}
    parts = matches(json.loads(json.dumps(pattern)), bucket="uploads", account=ACCOUNT, region=REGION)
    assert all(part.events and part.filters for part in parts)
