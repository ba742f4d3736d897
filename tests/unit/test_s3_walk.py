"""From functions through buckets and back: which loops there are, and what must be read to know."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from stackwarden.policies.s3_state import Condition, Function
from stackwarden.policies.s3_walk import MOST_HOPS, Estate, Kind, Loop, Ref, survey
from tests.s3_cases import (
    ACCOUNT,
    Account,
    allow,
    bucket_arn,
    cycles,
    deny,
    explored,
    function_arn,
    notification,
    permission,
    queue_arn,
    relay_loop,
    role_arn,
    rule_arn,
    topic_arn,
)

NONE: set[tuple[str, ...]] = set()
ITSELF = {("resize", "uploads")}
PATTERN = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": ["uploads"]}, "object": {"key": [{"prefix": "in/"}]}},
}
ANOTHER = "999999999999"


def account(*statements: Any, **filters: Any) -> Account:
    """The function resize, which the bucket uploads triggers."""
    found = Account().function("resize", *(statements or (allow("uploads/*"),)))
    return found.bucket("uploads", notification("resize", **filters))


def hops(loop: Loop) -> list[tuple[str, str, str]]:
    """Who writes what, and which function that triggers."""
    return [
        (hop.caller.name, f"{hop.trigger.bucket}/{hop.grant.key}", hop.target.partition(":function:")[2])
        for hop in loop.hops
    ]


class TestOneHop:
    def test_a_function_that_may_write_into_the_bucket_that_triggers_it_loops(self) -> None:
        loop = account().loop("resize")

        assert hops(loop) == [("resize", "uploads/example", "resize")]
        assert loop.proven
        assert loop.functions == (function_arn("resize"),)

    def test_the_witness_passes_the_filter(self) -> None:
        loop = account(prefix="in/", suffix=".jpg").loop("resize")

        assert hops(loop) == [("resize", "uploads/in/example.jpg", "resize")]

    def test_a_prefix_that_cannot_overlap_is_no_loop(self) -> None:
        assert account(allow("uploads/out/*"), prefix="in/").loops("resize") == NONE

    def test_a_suffix_alone_does_not_keep_it_from_looping(self) -> None:
        assert account(allow("uploads/out/*"), suffix=".jpg").loops("resize") == ITSELF
        assert account(allow("uploads/*.png"), suffix=".jpg").loops("resize") == NONE

    def test_a_bucket_with_the_same_beginning_is_another_bucket(self) -> None:
        other = Account().function("resize", allow("uploads-copy/*"))
        other.bucket("uploads", notification("resize")).bucket("uploads-copy")

        assert other.loops("resize") == NONE

    def test_a_wildcard_in_the_buckets_name_reaches_both(self) -> None:
        both = Account().function("resize", allow("uploads*"))
        both.bucket("uploads", notification("resize")).bucket("uploads-copy", notification("resize"))

        assert both.loops("resize") == {("resize", "uploads"), ("resize", "uploads-copy")}

    def test_a_deny_of_the_only_keys_ends_it(self) -> None:
        assert account(allow("uploads/*"), deny("uploads/in/*"), prefix="in/").loops("resize") == NONE

    def test_a_boundary_ends_it(self) -> None:
        limited = Account().function("resize", allow("uploads/*"), boundary=(allow("uploads/out/*"),))

        assert limited.bucket("uploads", notification("resize", prefix="in/")).loops("resize") == NONE

    def test_the_buckets_policy_ends_it(self) -> None:
        refusing = Account().function("resize", allow("uploads/*"))
        refusing.bucket(
            "uploads",
            notification("resize"),
            policy=[deny("uploads/*", principals=("AWS:*",), source="bucket")],
        )

        assert refusing.loops("resize") == NONE

    def test_a_function_that_nothing_triggers_does_not_loop(self) -> None:
        assert Account().function("resize", allow("*")).bucket("uploads").loops("resize") == NONE

    def test_a_function_that_does_not_exist_does_not_loop(self) -> None:
        triggered = account()
        triggered.estate.functions[function_arn("resize")] = None

        assert triggered.survey("resize").loops == ()

    def test_a_function_whose_role_does_not_exist_does_not_loop(self) -> None:
        triggered = account()
        triggered.estate.roles[role_arn("resize-role")] = None

        assert triggered.survey("resize").loops == ()

    def test_a_bucket_of_another_account_triggers_nothing_that_is_known(self) -> None:
        foreign = Account().function("resize", allow("theirs/*"))
        foreign.estate.buckets["theirs"] = None

        found = foreign.survey("resize")

        assert (found.loops, found.unread) == ((), ())


class TestTheEvent:
    """What is allowed must raise what is listened to."""

    @pytest.mark.parametrize(
        ("action", "event"),
        [
            ("s3:PutObject", "s3:ObjectCreated:Put"),
            ("s3:PutObject", "s3:ObjectCreated:CompleteMultipartUpload"),
            ("s3:PutObject", "s3:ObjectCreated:*"),
            ("s3:DeleteObject", "s3:ObjectRemoved:Delete"),
            ("s3:DeleteObjectVersion", "s3:ObjectRemoved:*"),
            ("s3:PutObjectTagging", "s3:ObjectTagging:Put"),
            ("s3:DeleteObjectTagging", "s3:ObjectTagging:Delete"),
            ("s3:PutObjectAcl", "s3:ObjectAcl:Put"),
            ("s3:RestoreObject", "s3:ObjectRestore:Completed"),
        ],
    )
    def test_is_raised_by_its_permission(self, action: str, event: str) -> None:
        assert account(allow("uploads/*", action=action), events=[event]).loops("resize") == ITSELF

    @pytest.mark.parametrize(
        ("action", "event"),
        [
            ("s3:GetObject", "s3:ObjectCreated:*"),
            ("s3:DeleteObject", "s3:ObjectCreated:*"),
            ("s3:PutObject", "s3:ObjectRemoved:*"),
            ("s3:DeleteObjectVersion", "s3:ObjectRemoved:DeleteMarkerCreated"),
            ("s3:PutObjectTagging", "s3:ObjectTagging:Delete"),
            ("s3:PutObjectAcl", "s3:ObjectCreated:*"),
        ],
    )
    def test_is_not_raised_by_another_one(self, action: str, event: str) -> None:
        assert account(allow("uploads/*", action=action), events=[event]).loops("resize") == NONE

    @pytest.mark.parametrize(
        "event",
        [
            "s3:LifecycleExpiration:*",
            "s3:LifecycleExpiration:Delete",
            "s3:ReducedRedundancyLostObject",
            "s3:Replication:*",
        ],
    )
    def test_of_s3_itself_is_raised_by_no_function(self, event: str) -> None:
        assert account(allow("*", action="s3:*"), events=[event]).loops("resize") == NONE

    def test_is_told_with_the_hop(self) -> None:
        tagging = account(allow("uploads/*", action="s3:PutObjectTagging"), events=["s3:ObjectTagging:*"])

        [hop] = tagging.loop("resize").hops

        assert (hop.event, hop.grant.action) == ("s3:ObjectTagging:Put", "s3:PutObjectTagging")


class TestSeveralHops:
    def relay(self, *names: str) -> Account:
        found = Account()
        for name, following in zip(names, (*names[1:], names[0]), strict=True):
            found.function(name, allow(f"for-{following}/*"))
            found.bucket(f"for-{name}", notification(name))
        return found

    @pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c"), ("c", "a", "b"), ("a", "b", "c", "d")])
    def test_are_found_from_each_function_and_told_the_same(self, names: tuple[str, ...]) -> None:
        found = self.relay(*names)

        told = {found.loop(name).cycle for name in names}

        assert len(told) == 1
        assert [loop.hops[0].caller.name for loop in found.survey(names[-1]).loops] == ["a"]
        assert set(found.loop("a").functions) == {function_arn(name) for name in names}

    def test_are_told_with_what_each_writes(self) -> None:
        assert hops(relay_loop("a", "b", "c")) == [
            ("a", "for-b/example", "b"),
            ("b", "for-c/example", "c"),
            ("c", "for-a/example", "a"),
        ]

    def test_end_where_one_function_may_not_write(self) -> None:
        found = self.relay("a", "b", "c").role("b-role", allow("for-c/*", action="s3:GetObject"))

        assert all(found.loops(name) == NONE for name in "abc")

    def test_another_loop_on_the_way_is_not_told_for_the_start(self) -> None:
        found = Account().function("a", allow("for-b/*")).function("b", allow("for-b/*"))
        found.bucket("for-b", notification("b"))

        assert found.loops("a") == NONE
        assert found.loops("b") == {("b", "for-b")}

    def test_several_loops_through_one_function_are_told_each(self) -> None:
        found = Account().function("a", allow("for-a/*", "for-b/*")).function("b", allow("for-a/*"))
        found.bucket("for-a", notification("a")).bucket("for-b", notification("b"))

        assert found.loops("a") == {("a", "for-a"), ("a", "for-b", "b", "for-a")}
        assert found.loops("b") == {("a", "for-b", "b", "for-a")}

    def test_over_two_buckets_between_the_same_functions_are_two_loops(self) -> None:
        found = Account().function("a", allow("one/*", "two/*")).function("b", allow("for-a/*"))
        found.bucket("one", notification("b")).bucket("two", notification("b"))
        found.bucket("for-a", notification("a"))

        assert found.loops("a") == {("a", "one", "b", "for-a"), ("a", "two", "b", "for-a")}

    def test_a_role_that_two_functions_share_serves_each(self) -> None:
        found = Account().role("shared", allow("for-a/*", "for-b/*"))
        found.function("a", role="shared").function("b", role="shared")
        found.bucket("for-a", notification("a")).bucket("for-b", notification("b"))

        both = ("a", "for-b", "b", "for-a")
        assert found.loops("a") == {("a", "for-a"), both}
        assert found.loops("b") == {("b", "for-b"), both}

    def test_a_loop_is_proven_only_if_every_hop_is(self) -> None:
        found = self.relay("a", "b").role("b-role", allow("*"))

        assert not found.loop("a").proven
        assert [hop.proven for hop in found.loop("a").hops] == [True, False]

    def test_beyond_the_bound_the_walk_says_that_it_was_cut(self) -> None:
        names = tuple("abcdefgh"[: MOST_HOPS + 1])
        found = self.relay(*names).survey("a")

        assert found.loops == ()
        assert found.cut == (f"the walk went over {MOST_HOPS} functions and not further",)

    def test_within_the_bound_it_does_not_say_so(self) -> None:
        assert self.relay("a", "b", "c").survey("a").cut == ()

    def test_what_lies_beyond_the_bound_only_counts_if_it_may_be_written(self) -> None:
        names = tuple("abcdefgh"[: MOST_HOPS + 1])
        found = self.relay(*names).role(f"{names[MOST_HOPS - 1]}-role", allow("nowhere/*"))

        assert found.survey("a").cut == ()


class TestAnAccountWhereEverythingMayWriteEverywhere:
    def account(self, count: int) -> Account:
        found = Account().role("wild", allow("*", action="s3:*"))
        for number in range(count):
            found.function(f"f{number}", role="wild").bucket(f"b{number}", notification(f"f{number}"))
        return found

    def test_a_role_is_judged_once_for_each_trigger(self) -> None:
        """However many ways lead to it: that is 12 times 12, far below the bound."""
        found = self.account(12).survey("f0")

        assert [cut for cut in found.cut if "pairs of a role and a trigger" in cut] == []

    def test_short_loops_are_not_missed_over_long_ones(self) -> None:
        found = self.account(12).survey("f0")

        assert [len(loop.hops) for loop in found.loops].count(2) == 11


class TestTheWayBetween:
    def test_a_topic_passes_on(self) -> None:
        found = Account().function("resize", allow("uploads/*")).topic("news", "resize")
        found.bucket("uploads", notification(topic_arn("news")))

        [hop] = found.loop("resize").hops

        assert hop.via == (topic_arn("news"),)
        assert hop.proven

    def test_a_topic_needs_the_permission_of_the_function(self) -> None:
        found = Account().function("resize", allow("uploads/*")).topic("news", "resize")
        found.bucket("uploads", notification(topic_arn("news")))
        found.estate.invokers[function_arn("resize")] = (permission("s3", bucket_arn("uploads")),)

        assert found.loops("resize") == NONE

    def test_a_queue_needs_no_permission_of_the_function(self) -> None:
        """Lambda polls it with the role of the function."""
        found = Account().function("resize", allow("uploads/*")).queue("jobs", "resize")
        found.bucket("uploads", notification(queue_arn("jobs")))

        assert found.estate.invokers[function_arn("resize")] == ()
        [hop] = found.loop("resize").hops
        assert hop.via == (queue_arn("jobs"),)

    def test_a_topic_may_pass_on_to_a_queue(self) -> None:
        found = Account().function("resize", allow("uploads/*"))
        found.topic("news", queue_arn("jobs")).queue("jobs", "resize")
        found.bucket("uploads", notification(topic_arn("news")))

        [hop] = found.loop("resize").hops

        assert hop.via == (topic_arn("news"), queue_arn("jobs"))

    def test_a_topic_that_passes_on_to_two_functions_closes_one_loop_for_each(self) -> None:
        found = Account().function("a", allow("uploads/*")).function("b", allow("uploads/*"))
        found.topic("news", "a", "b").bucket("uploads", notification(topic_arn("news")))

        assert found.loops("a") == {("a", "uploads"), ("a", "uploads", "b", "uploads")}

    def test_a_queue_that_nobody_polls_leads_nowhere(self) -> None:
        found = Account().function("resize", allow("uploads/*")).queue("jobs")

        assert found.bucket("uploads", notification(queue_arn("jobs"))).loops("resize") == NONE

    def test_another_service_leads_nowhere(self) -> None:
        found = account()
        found.bucket("uploads", notification("arn:aws:states:eu-central-1:1:stateMachine:x"))

        assert found.loops("resize") == NONE

    @pytest.mark.parametrize("between", ["topic", "queue"])
    def test_a_filter_on_the_way_is_a_doubt(self, between: str) -> None:
        found = Account().function("resize", allow("uploads/*"))
        if between == "topic":
            found.topic("jobs", "resize", doubt="it has a filter policy")
        else:
            found.queue("jobs", "resize", doubt="it has a filter policy")
        arn = topic_arn("jobs") if between == "topic" else queue_arn("jobs")
        loop = found.bucket("uploads", notification(arn)).loop("resize")

        assert loop.hops[0].doubts == ("it has a filter policy",)
        assert not loop.proven

    def test_a_way_without_a_filter_proves_it_although_another_has_one(self) -> None:
        found = Account().function("resize", allow("uploads/*")).queue("slow", "resize", doubt="filter")
        found.bucket("uploads", notification(queue_arn("slow")), notification("resize", name="direct"))

        loop = found.loop("resize")

        assert loop.proven
        assert loop.hops[0].via == ()


class TestEventBridge:
    def told(self, *statements: Any, enabled: bool = True) -> Account:
        found = Account().function("resize", *(statements or (allow("uploads/*"),)))
        return found.bucket("uploads", to_eventbridge=enabled).rule("on-upload", PATTERN, "resize")

    def test_a_rule_closes_a_loop(self) -> None:
        [hop] = self.told().loop("resize").hops

        assert (hop.trigger.kind, hop.trigger.name, hop.grant.key) == ("rule", "on-upload", "in/example")
        assert hop.proven

    def test_the_rules_filter_counts(self) -> None:
        assert self.told(allow("uploads/out/*")).loops("resize") == NONE

    def test_a_bucket_that_tells_eventbridge_nothing_closes_none(self) -> None:
        assert self.told(enabled=False).loops("resize") == NONE

    def test_the_rule_needs_the_permission_of_the_function(self) -> None:
        found = self.told()
        found.estate.invokers[function_arn("resize")] = (permission("events", rule_arn("another")),)

        assert found.loops("resize") == NONE

    def test_a_rule_that_invokes_by_a_role_of_its_own_needs_no_permission(self) -> None:
        found = self.told()
        found.estate.invokers[function_arn("resize")] = ()
        [rule] = found.estate.rules or ()
        found.estate.rules = (replace(rule, by_role=frozenset(rule.targets)),)

        assert found.loops("resize") == ITSELF

    def test_a_topic_that_a_rule_tells_by_a_role_needs_the_permission_of_the_function(self) -> None:
        found = Account().function("resize", allow("uploads/*")).topic("news", "resize")
        found.bucket("uploads", to_eventbridge=True).rule("on-upload", PATTERN)
        [rule] = found.estate.rules or ()
        arns = (topic_arn("news"),)
        found.estate.rules = (replace(rule, targets=arns, by_role=frozenset(arns)),)

        assert found.loops("resize") == ITSELF
        found.estate.invokers[function_arn("resize")] = ()
        assert found.loops("resize") == NONE

    def test_a_rule_about_another_bucket_closes_none(self) -> None:
        found = Account().function("resize", allow("other/*")).bucket("other", to_eventbridge=True)

        assert found.rule("on-upload", PATTERN, "resize").loops("resize") == NONE


class TestThePermissionToInvoke:
    def permitted(self, *statements: Any) -> Account:
        found = Account().function("resize", allow("uploads/*"))
        found.bucket("uploads", notification("resize"), permitted=False)
        return found.permit("resize", *statements)

    def test_is_needed(self) -> None:
        assert self.permitted().loops("resize") == NONE

    def test_may_be_for_every_bucket(self) -> None:
        assert self.permitted(permission("s3", "")).loops("resize") == ITSELF

    def test_of_another_bucket_does_not_count(self) -> None:
        assert self.permitted(permission("s3", bucket_arn("other"))).loops("resize") == NONE

    def test_of_another_account_does_not_count(self) -> None:
        theirs = permission("s3", bucket_arn("uploads"), SourceAccount=ANOTHER)

        assert self.permitted(theirs).loops("resize") == NONE

    def test_of_the_own_account_counts(self) -> None:
        ours = permission("s3", bucket_arn("uploads"), SourceAccount=ACCOUNT)

        assert self.permitted(ours).loops("resize") == ITSELF


class TestVersionsAndAliases:
    def alias(self, permitted: str) -> Account:
        found = Account().function("resize", allow("uploads/*"))
        found.function("resize:live", role="resize-role")
        found.bucket("uploads", notification("resize:live"), permitted=False)
        return found.permit(permitted, permission("s3", bucket_arn("uploads")))

    def test_the_alias_has_a_permission_of_its_own(self) -> None:
        assert self.alias("resize:live").loops("resize:live") == ITSELF
        assert self.alias("resize").loops("resize:live") == NONE

    def test_a_loop_of_the_alias_is_one_of_the_function(self) -> None:
        loop = self.alias("resize:live").loop("resize")

        assert loop.functions == (function_arn("resize"),)
        assert hops(loop) == [("resize", "uploads/example", "resize:live")]

    def test_an_alias_may_have_another_role(self) -> None:
        """A version keeps the role that the function had when it was published."""
        found = self.alias("resize:live").role("old-role", allow("archive/*"))
        found.estate.functions[function_arn("resize:live")] = Function(
            function_arn("resize:live"), role_arn("old-role")
        )

        assert found.loops("resize") == NONE

    def test_a_function_that_is_triggered_by_two_names_is_one_loop(self) -> None:
        found = Account().function("resize", allow("uploads/*"))
        found.function("resize:live", role="resize-role")
        found.bucket(
            "uploads",
            notification("resize", prefix="a/", name="a"),
            notification("resize:live", prefix="b/", name="b"),
        )

        assert found.loops("resize") == ITSELF
        assert found.loops("resize:live") == ITSELF

    def test_a_second_function_that_is_triggered_by_two_names_is_one_loop(self) -> None:
        found = Account().function("a", allow("for-b/*")).function("b", allow("for-a/*", "for-b/*"))
        found.function("b:live", role="b-role").bucket("for-a", notification("a"))
        found.bucket(
            "for-b", notification("b", prefix="x/", name="x"), notification("b:live", prefix="y/", name="y")
        )

        assert found.loops("a") == {("a", "for-b", "b", "for-a")}

    def test_a_proven_loop_by_one_name_comes_before_a_possible_one_by_another(self) -> None:
        found = Account().function("resize", allow("*")).function("resize:live", allow("uploads/*"))
        found.role("possible", allow("*")).function("resize", role="possible")
        found.role("proven", allow("uploads/*")).function("resize:live", role="proven")
        found.bucket("uploads", notification("resize", name="a"), notification("resize:live", name="b"))

        assert {loop.cycle: loop.proven for loop in found.survey("resize").loops}[
            (function_arn("resize"), "uploads")
        ]


class TestTheGrade:
    def test_a_statement_that_spells_the_bucket_proves(self) -> None:
        assert account(allow("uploads/*")).loop("resize").proven

    @pytest.mark.parametrize("resource", ["*", "up*", "uploads*", "upload?/*"])
    def test_a_wildcard_for_the_bucket_makes_it_possible(self, resource: str) -> None:
        assert not account(allow(resource)).loop("resize").proven

    def test_the_statement_that_spells_it_comes_first(self) -> None:
        both = account(allow("*", sid="All"), allow("uploads/*", sid="Uploads"))

        assert both.loop("resize").hops[0].grant.statement.sid == "Uploads"

    def test_every_other_resource_makes_it_possible(self) -> None:
        other = allow(not_resources=(bucket_arn("other/*"),))

        assert not account(other).loop("resize").proven

    def test_the_event_that_proves_it_comes_before_one_that_is_only_possible(self) -> None:
        both = account(
            allow("*"),
            allow("uploads/*", action="s3:DeleteObject"),
            events=["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        )

        [hop] = both.loop("resize").hops

        assert hop.proven
        assert hop.grant.action == "s3:DeleteObject"

    def test_a_condition_that_is_not_known_makes_it_possible(self) -> None:
        unknown = Condition("StringEquals", "aws:ResourceOrgID", ("o-example",))
        loops = account(allow("uploads/*", conditions=(unknown,))).survey("resize").loops

        assert not any(loop.proven for loop in loops)


class TestWhatIamRefused:
    def test_another_witness_is_looked_for(self) -> None:
        found = account(allow("uploads/a/*", sid="A"), allow("uploads/b/*", sid="B"))
        first = found.loop("resize").hops[0].grant
        found.estate.refused.add(
            (function_arn("resize"), role_arn("resize-role"), first.action, first.object_arn)
        )

        second = found.loop("resize").hops[0].grant

        assert (first.statement.sid, second.statement.sid) == ("A", "B")

    def test_there_is_no_loop_without_one(self) -> None:
        found = account()
        grant = found.loop("resize").hops[0].grant
        found.estate.refused.add(
            (function_arn("resize"), role_arn("resize-role"), grant.action, grant.object_arn)
        )

        assert found.loops("resize") == NONE

    def test_another_role_is_not_meant(self) -> None:
        found = account()
        grant = found.loop("resize").hops[0].grant
        found.estate.refused.add(
            (function_arn("resize"), role_arn("another"), grant.action, grant.object_arn)
        )

        assert found.loops("resize") == ITSELF


class TestWhatIsRead:
    def test_the_function_comes_first(self) -> None:
        assert survey(function_arn("resize"), Estate()).unread == (
            Ref(Kind.FUNCTION, function_arn("resize")),
        )

    def test_a_loop_of_one_hop_needs_eight_things_at_most(self) -> None:
        found, asked = explored("resize", account().estate)

        assert cycles(found) == ITSELF
        assert [ref.kind for ref in asked] == [
            Kind.FUNCTION,
            Kind.ROLE,
            Kind.BUCKET,
            Kind.ROLE_DETAILS,
            Kind.BUCKET_POLICY,
            Kind.INVOKERS,
        ]

    def test_what_cannot_loop_needs_neither_details_nor_policies(self) -> None:
        _, asked = explored("resize", account(allow("uploads/out/*"), prefix="in/").estate)

        assert [ref.kind for ref in asked] == [Kind.FUNCTION, Kind.ROLE, Kind.BUCKET]

    def test_a_role_with_a_wildcard_asks_for_the_names_of_all_buckets(self) -> None:
        found, asked = explored("resize", account(allow("*")).estate)

        assert cycles(found) == ITSELF
        assert Ref(Kind.BUCKETS) in asked

    def test_a_role_without_a_wildcard_does_not(self) -> None:
        _, asked = explored("resize", account().estate)

        assert Ref(Kind.BUCKETS) not in asked

    def test_buckets_that_may_invoke_the_function_are_looked_at_first(self) -> None:
        found = Account().function("resize", allow("*"))
        for name in ("archive", "backup", "logs"):
            found.bucket(name)
        found.bucket("uploads", notification("resize"))

        _, asked = explored("resize", found.estate)

        assert [ref.name for ref in asked if ref.kind is Kind.BUCKET] == [
            "uploads",
            "archive",
            "backup",
            "logs",
        ]

    def test_buckets_that_no_pattern_of_the_role_reaches_are_not_read(self) -> None:
        found = Account().function("resize", allow("up*")).bucket("uploads", notification("resize"))

        _, asked = explored("resize", found.bucket("archive").estate)

        assert Ref(Kind.BUCKET, "archive") not in asked

    def test_rules_are_read_once_a_bucket_tells_eventbridge(self) -> None:
        silent = Account().function("resize", allow("uploads/*")).bucket("uploads")
        telling = Account().function("resize", allow("uploads/*")).bucket("uploads", to_eventbridge=True)

        assert Ref(Kind.RULES) not in explored("resize", silent.estate)[1]
        assert Ref(Kind.RULES) in explored("resize", telling.estate)[1]

    def test_topics_and_queues_are_read_where_a_bucket_tells_them(self) -> None:
        found = Account().function("resize", allow("uploads/*"))
        found.topic("news", queue_arn("jobs")).queue("jobs", "resize").topic("other", "resize")
        found.bucket("uploads", notification(topic_arn("news")))

        survey_, asked = explored("resize", found.estate)

        assert cycles(survey_) == ITSELF
        assert [ref for ref in asked if ref.kind in (Kind.TOPIC, Kind.QUEUE)] == [
            Ref(Kind.TOPIC, topic_arn("news")),
            Ref(Kind.QUEUE, queue_arn("jobs")),
        ]

    def test_what_speaks_against_a_loop_is_read_before_it_is_told(self) -> None:
        found = account()
        del found.estate.bucket_policies["uploads"]

        looked = found.survey("resize")

        assert (looked.loops, looked.unread) == ((), (Ref(Kind.BUCKET_POLICY, "uploads"),))

    @pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
    def test_a_loop_over_several_functions_is_found_step_by_step(self, names: Sequence[str]) -> None:
        whole = TestSeveralHops().relay(*names)

        found, _ = explored(names[0], whole.estate)

        assert cycles(found) == whole.loops(names[0])
        assert found.loops == whole.survey(names[0]).loops

    def test_a_boundary_that_is_read_late_ends_the_loop(self) -> None:
        limited = Account().function("resize", allow("uploads/*"), boundary=(allow("uploads/out/*"),))
        limited.bucket("uploads", notification("resize", prefix="in/"))

        found, asked = explored("resize", limited.estate)

        assert found.loops == ()
        assert Ref(Kind.ROLE_DETAILS, role_arn("resize-role")) in asked

    def test_what_was_not_decided_is_said(self) -> None:
        star = "*a" * 14
        hard = [deny(f"uploads/{'?' * n}{star}") for n in range(12)]
        found = account(allow(f"uploads/{star}*b"), *hard, suffix=".jpg").survey("resize")

        assert found.loops == ()
        assert [cut.partition(":")[0] for cut in found.cut] == ["resize on bucket uploads"]


def test_hops_keep_who_calls() -> None:
    found = account()
    arn = function_arn("resize")
    found.estate.functions[arn] = replace(found.estate.functions[arn] or Function("", ""), in_vpc=True)

    [hop] = found.loop("resize").hops

    assert (hop.caller.arn, hop.caller.in_vpc, hop.function, hop.target) == (arn, True, arn, arn)
