"""What `s3-recursion` says: one sentence for everything that was judged, and a fix that ends the loop."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Finding, Mode, Outcome, Prose, Resource, Severity, Verdict
from stackwarden.messages import report
from stackwarden.policies.s3_recursion import (
    TRIES,
    Cap,
    Case,
    Grade,
    Rules,
    WhenUnreservable,
    cap_concurrency,
    judge,
    set_recursive_loop,
    uncap_concurrency,
)
from stackwarden.policies.s3_reports import describe, hop_text
from stackwarden.policies.s3_state import KeyFilter, Trigger
from stackwarden.policies.s3_walk import Loop
from tests.s3_cases import (
    ACCOUNT,
    CREATED,
    REGION,
    Account,
    allow,
    fixed_case,
    function,
    function_arn,
    gone_case,
    loop_case,
    notification,
    queue_arn,
    relay_loop,
    resize_loop,
    topic_arn,
    tried,
)

CAP = Cap(before=None, reserved=10, finding="s3-recursion-0123456789abcdef")
POSSIBLE = resize_loop(allow("*", source="arn:aws:iam::aws:policy/AmazonS3FullAccess", sid=""))
UNRESERVABLE = (
    "Lambda.InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases "
    "account's UnreservedConcurrentExecution below its minimum value of [100]."
)
CAPPED = loop_case(function(reserved=10), attempts=[tried(cap_concurrency(function(), 10))], round=1)
REFUSED = loop_case(attempts=[tried(cap_concurrency(function(), 10), error=UNRESERVABLE)], round=1)
TERMINATED = tried(set_recursive_loop(function(allows_recursion=True)))
RELEASE = uncap_concurrency(function(reserved=10), None)
RELEASED = gone_case(function(), CAP, attempts=[tried(RELEASE)], round=1)
STILL_CAPPED = gone_case(
    function(reserved=10), CAP, attempts=[tried(RELEASE, error="X: y")] * TRIES, round=TRIES
)
UNSEEN = fixed_case(
    function(reserved=10),
    attempts=[tried(cap_concurrency(function(), 10))],
    cut=("the walk reached its bound on calls; not read: bucket archive",),
    round=1,
)
PATTERN: dict[str, Any] = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": ["uploads"]}},
}


def said(case: Case) -> Prose:
    return describe(case, judge(case))


def mail(case: Case, **changes: Any) -> tuple[str, str]:
    """Subject and text of the report at the end; a judgement that is not done was only observed."""
    judgement, prose = judge(case), said(case)
    state = case.situation.functions[0]
    finding = Finding(
        id="s3-recursion-0123456789abcdef",
        guard="s3-recursion",
        hazard=case.situation.hazard,
        resource=Resource(
            type="AWS::Lambda::Function", arn=state.arn, name=state.name, account=ACCOUNT, region=REGION
        ),
        mode=case.mode,
        environment="prod",
        exemption=judgement.exemption,
        **dict(prose),
    )
    verdict = Verdict(
        finding=finding,
        function="f",
        next="done",
        subject={},
        actions=list(judgement.actions),
        attempts=list(case.attempts),
        outcome=judgement.outcome or Outcome.OBSERVED,
        **changes,
    )
    written = report(verdict, "https://example.com/docs")
    return written["subject"], json.loads(written["message"])["email"]


def by_rule() -> Loop:
    found = Account().function("resize", allow("uploads/*")).bucket("uploads", to_eventbridge=True)
    return found.rule("on-upload", PATTERN, "resize").loop("resize")


class TestTheTitle:
    def test_names_function_and_bucket(self) -> None:
        assert said(loop_case()).title == "function resize can trigger itself via bucket uploads"

    def test_names_the_functions_in_the_order_of_the_loop(self) -> None:
        case = loop_case(function("a"), function("b"), function("c"))

        assert said(case).title == "functions a -> b -> c -> a can trigger each other through S3"

    def test_says_that_a_loop_is_only_possible(self) -> None:
        assert " may trigger itself " in said(loop_case(loop=POSSIBLE)).title

    def test_says_how_it_ended(self) -> None:
        assert said(CAPPED).title.startswith("capped at 10: ")
        assert said(RELEASED).title == "function resize loops no more: cap released"
        assert said(STILL_CAPPED).title == "function resize loops no more: still capped"

    @pytest.mark.parametrize("case", [loop_case(), loop_case(loop=POSSIBLE), CAPPED, REFUSED, RELEASED])
    def test_fits_the_subject_of_a_mail(self, case: Case) -> None:
        subject, _ = mail(case)

        assert len(subject) <= 99
        assert subject.endswith(said(case).title)
        assert subject.isascii()


class TestTheHop:
    def test_tells_statement_filter_and_witness_key(self) -> None:
        [hop] = resize_loop(prefix="in/", suffix=".jpg").hops

        assert hop_text(hop) == (
            "resize may s3:PutObject on uploads/in/example.jpg, by statement Write of policy s3-access; "
            "notification 'on-upload' (prefix 'in/' and suffix '.jpg', s3:ObjectCreated:Put) invokes resize."
        )

    def test_tells_the_alias_that_is_invoked(self) -> None:
        found = Account().function("resize", allow("uploads/*")).function("resize:live", role="resize-role")
        [hop] = found.bucket("uploads", notification("resize:live")).loop("resize:live").hops

        assert hop_text(hop).endswith(" invokes resize:live.")

    def test_tells_what_lies_between(self) -> None:
        found = Account().function("resize", allow("uploads/*"))
        found.topic("news", queue_arn("jobs"), doubt="it has a filter policy").queue("jobs", "resize")
        [hop] = found.bucket("uploads", notification(topic_arn("news"))).loop("resize").hops

        told = hop_text(hop)

        assert f", through {topic_arn('news')} and {queue_arn('jobs')}, invokes resize." in told
        assert told.endswith(" In doubt: it has a filter policy.")

    def test_of_a_rule_is_told_as_one(self) -> None:
        assert "; rule 'on-upload' (every key, " in hop_text(by_rule().hops[0])

    def test_of_a_statement_without_a_name_names_its_policy(self) -> None:
        assert ", by a statement of arn:aws:iam::aws:policy/AmazonS3FullAccess; " in hop_text(
            POSSIBLE.hops[0]
        )

    def test_is_in_the_evidence_for_people_and_for_programs(self) -> None:
        loop = relay_loop("a", "b")
        evidence = said(loop_case(function("a"), function("b"))).evidence

        assert evidence["loop"] == [hop_text(hop) for hop in loop.hops]
        assert evidence["cycle"] == list(loop.cycle)
        assert [hop["object"] for hop in evidence["hops"]] == [
            "arn:aws:s3:::for-b/example",
            "arn:aws:s3:::for-a/example",
        ]
        assert evidence["grade"] == "proven"
        assert json.loads(json.dumps(evidence)) == evidence


LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


class TestTheSeverity:
    @pytest.mark.parametrize(
        ("state", "proven", "severity"),
        [
            (function(), True, HIGH),
            (function(reserved=10), True, MEDIUM),
            (function(reserved=10, allows_recursion=True), True, HIGH),
            (function(reserved=10, dropped=1), True, HIGH),
            (function(allows_recursion=True, dropped=1), True, HIGH),
            (function(), False, LOW),
            (function(reserved=10), False, LOW),
            (function(allows_recursion=True), False, MEDIUM),
            (function(dropped=1), False, MEDIUM),
            (function(allows_recursion=True, dropped=1), False, HIGH),
        ],
    )
    def test_grows_with_what_makes_it_worse(self, state: Any, proven: bool, severity: Severity) -> None:
        assert said(loop_case(state, loop=None if proven else POSSIBLE)).severity is severity

    def test_of_a_failure_is_high(self) -> None:
        possible = replace(REFUSED, rules=Rules(enforce=Grade.POSSIBLE))

        assert said(REFUSED).severity is said(STILL_CAPPED).severity is said(UNSEEN).severity is HIGH
        assert said(possible).severity is HIGH

    def test_of_what_is_exempt_or_gone_is_low(self) -> None:
        assert said(loop_case(function(dropped=9), exempt="resize")).severity is LOW
        assert said(RELEASED).severity is LOW


class TestWhatHappened:
    def test_is_told_with_what_makes_it_worse(self) -> None:
        why = said(loop_case(function(allows_recursion=True, dropped=12))).why

        assert "resize allows recursion (RecursiveLoop: Allow), so Lambda does not stop it." in why
        assert "dropped 12 invocations of resize in the last two weeks." in why

    def test_is_told_without_what_is_not_so(self) -> None:
        assert said(loop_case()).why == (
            "Each object that it writes there starts another invocation, and so on. IAM confirms every step."
        )

    def test_says_why_a_possible_loop_is_not_capped(self) -> None:
        why = said(loop_case(loop=POSSIBLE)).why

        assert "Only a wildcard allows it" in why
        assert "S3RecursionEnforce: proven" in why

    def test_says_which_function_holds_the_loop_already(self) -> None:
        case = loop_case(function("a"), function("b", reserved=3))

        assert "b is held by a reserved concurrency of 3 already." in said(case).why

    def test_says_why_nothing_was_reserved(self) -> None:
        assert "so nothing holds the loop (S3RecursionWhenUnreservable: report)." in said(REFUSED).why

    def test_says_that_the_function_was_stopped(self) -> None:
        stop = cap_concurrency(function(), 0)
        case = replace(
            REFUSED,
            situation=replace(REFUSED.situation, functions=(function(reserved=0),)),
            rules=Rules(when_unreservable=WhenUnreservable.STOP),
            attempts=[*REFUSED.attempts, tried(stop, in_round=1)],
            round=2,
        )

        assert "stopped with a reserved concurrency of 0." in said(case).why
        assert said(case).evidence["verified"] == ["reserved concurrency of resize is 0: it is stopped"]

    def test_does_not_say_that_nothing_holds_the_loop_where_a_higher_value_was_lowered(self) -> None:
        attempts = [
            tried(cap_concurrency(function("a"), 10), error=UNRESERVABLE),
            tried(cap_concurrency(function("b", reserved=50), 10), in_round=1),
        ]
        case = loop_case(function("a"), function("b", reserved=10), attempts=attempts, round=2)

        assert judge(case).outcome is Outcome.REMEDIATED
        assert "nothing holds the loop" not in said(case).why

    def test_does_not_say_that_the_function_was_stopped_where_that_failed_too(self) -> None:
        stops = [tried(cap_concurrency(function(), 0), error="X: y", in_round=n + 1) for n in range(TRIES)]
        case = replace(
            REFUSED,
            rules=Rules(when_unreservable=WhenUnreservable.STOP),
            attempts=[*REFUSED.attempts, *stops],
            round=TRIES + 1,
        )

        assert judge(case).outcome is Outcome.FAILED
        assert "is stopped" not in said(case).why

    def test_says_what_it_could_not_see(self) -> None:
        case = loop_case(cut=("the walk went over 4 functions and not further",))

        assert said(case).evidence["undecided"] == [
            "There may be more loops: the walk went over 4 functions and not further."
        ]
        assert "not read: bucket archive" in said(UNSEEN).why

    def test_says_which_exemption_does_not_count(self) -> None:
        case = loop_case(exemptions=Exemptions(problems=("The exemption x expired.",)))

        assert said(case).evidence["exemption_problems"] == ["The exemption x expired."]

    def test_says_what_was_verified(self) -> None:
        case = replace(CAPPED, attempts=[*CAPPED.attempts, TERMINATED])

        assert said(case).evidence["verified"] == [
            "reserved concurrency of resize is 10: the loop is slowed down, not ended",
            "no function of the loop allows recursion",
        ]

    @pytest.mark.parametrize(
        ("before", "restored"), [(None, "no reserved concurrency"), (50, "a reserved concurrency of 50")]
    )
    def test_says_what_was_given_back(self, before: int | None, restored: str) -> None:
        cap = replace(CAP, before=before)
        release = tried(uncap_concurrency(function(reserved=10), before))
        prose = said(gone_case(function(reserved=before), cap, attempts=[release], round=1))

        assert f"resize has {restored} again, as before finding {CAP.finding}." in prose.why
        assert prose.evidence["verified"] == [f"resize has {restored}"]

    @pytest.mark.parametrize(
        ("before", "command"),
        [
            (None, "aws lambda delete-function-concurrency --function-name resize"),
            (
                50,
                "aws lambda put-function-concurrency --function-name resize"
                " --reserved-concurrent-executions 50",
            ),
        ],
    )
    def test_says_how_to_give_it_back_by_hand(self, before: int | None, command: str) -> None:
        release = tried(uncap_concurrency(function(reserved=10), before), error="X: y")
        case = gone_case(
            function(reserved=10), replace(CAP, before=before), attempts=[release] * TRIES, round=TRIES
        )

        assert command in said(case).fix.splitlines()


def snippet(fix: str) -> tuple[str | None, dict[str, str] | None]:
    """What a developer pastes: the Resource, and the rules of the Filter by name."""
    lines = [line for line in fix.splitlines() if line.startswith("  ")]
    pasted = {key: value for line in lines for key, value in yaml.safe_load(line).items()}
    declared = pasted.get("Filter")
    rules = declared and {rule["Name"]: rule["Value"] for rule in declared["S3Key"]["Rules"]}
    return pasted.get("Resource"), rules


class TestTheFix:
    def test_is_a_resource_and_a_filter_that_do_not_overlap(self) -> None:
        fix = said(loop_case()).fix

        assert snippet(fix) == ("arn:aws:s3:::uploads/out/*", {"prefix": "in/"})
        assert (
            "Statement Write of policy s3-access, of role resize-role, lets it s3:PutObject there: "
            "replace that part by" in fix
        )
        assert "Notification 'on-upload' of uploads, where it is declared:" in fix

    def test_leaves_a_filter_that_suffices(self) -> None:
        assert snippet(said(loop_case(loop=resize_loop(prefix="incoming/"))).fix) == (
            "arn:aws:s3:::uploads/out/*",
            None,
        )

    def test_writes_elsewhere_where_the_output_prefix_is_the_input(self) -> None:
        assert snippet(said(loop_case(loop=resize_loop(prefix="out/"))).fix) == (
            "arn:aws:s3:::uploads/processed/*",
            None,
        )

    def test_keeps_the_suffix_of_the_filter(self) -> None:
        _, rules = snippet(said(loop_case(loop=resize_loop(suffix=".jpg"))).fix)

        assert rules == {"prefix": "in/", "suffix": ".jpg"}

    def test_of_a_rule_is_written_as_an_event_pattern(self) -> None:
        fix = said(loop_case(loop=by_rule())).fix

        assert "S3Key" not in fix
        assert "prefix" in fix
        assert "detail" in fix

    def test_keeps_the_partition(self) -> None:
        [hop] = resize_loop().hops
        there = replace(hop, grant=replace(hop.grant, object_arn="arn:aws-cn:s3:::uploads/example"))

        assert snippet(said(loop_case(loop=Loop((there,)))).fix)[0] == "arn:aws-cn:s3:::uploads/out/*"

    @given(
        prefix=st.sampled_from(["", "in/", "out", "out/", "processed/", "p", "results/a"])
        | st.text(max_size=4),
        suffix=st.sampled_from(["", ".jpg", "/"]) | st.text(max_size=3),
        resource=st.sampled_from(["uploads/*", "*", "up*", "uploads/*.jpg"]),
    )
    @settings(max_examples=150)
    def test_ends_the_loop(self, prefix: str, suffix: str, resource: str) -> None:
        found = Account().function("resize", allow(resource))
        found.bucket("uploads", notification("resize", prefix=prefix, suffix=suffix))
        for loop in found.survey("resize").loops:
            arn, rules = snippet(said(loop_case(loop=loop)).fix)
            assert arn is not None
            fixed = Account().function("resize", allow(arn.removeprefix("arn:aws:s3:::")))
            rules = {"prefix": prefix, "suffix": suffix} if rules is None else rules
            fixed.bucket("uploads", notification("resize", **rules))

            assert fixed.loops("resize") == set()

    def test_speaks_of_the_cap_only_where_there_is_one(self) -> None:
        assert "releases its cap" in said(CAPPED).fix
        for case in (loop_case(loop=POSSIBLE), loop_case(exempt="resize"), REFUSED):
            assert "releases its cap" not in said(case).fix


class TestTheCap:
    """Title and fix speak of it only if it is Stackwarden's own."""

    @pytest.mark.parametrize("cap", [None, CAP])
    def test_is_none_where_the_owners_own_low_value_holds_the_loop(self, cap: Cap | None) -> None:
        case = loop_case(function(reserved=3, cap=cap), attempts=[TERMINATED], round=1)

        assert judge(case).outcome is Outcome.REMEDIATED
        assert said(case).title == "function resize can trigger itself via bucket uploads"
        assert "releases its cap" not in said(case).fix

    def test_is_one_of_an_earlier_finding_too(self) -> None:
        case = loop_case(function(reserved=10, cap=CAP), attempts=[TERMINATED], round=1)

        assert said(case).title.startswith("capped at 10: ")
        assert "releases its cap" in said(case).fix

    def test_is_the_one_that_was_set_where_another_function_has_a_low_value_of_its_own(self) -> None:
        states = function("a", reserved=3), function("b", reserved=10)
        case = loop_case(*states, attempts=[tried(cap_concurrency(function("b"), 10))], round=1)

        assert said(case).title.startswith("capped at 10: ")
        assert "releases its cap" in said(case).fix

    def test_that_failed_is_none(self) -> None:
        failed = tried(cap_concurrency(function(), 10), error="X: y")
        case = loop_case(function(reserved=10), attempts=[failed, TERMINATED], round=1)

        assert said(case).title == "function resize can trigger itself via bucket uploads"
        assert "releases its cap" not in said(case).fix

    def test_is_not_released_in_mode_observe(self) -> None:
        case = loop_case(function(reserved=10, cap=CAP), mode=Mode.OBSERVE)

        assert "releases its cap" not in said(case).fix


class TestTheReport:
    def test_of_a_capped_loop(self) -> None:
        subject, text = mail(CAPPED)

        assert subject == (
            "[Stackwarden] REMEDIATED prod: "
            "capped at 10: function resize can trigger itself via bucket uploads"
        )
        for part in (
            "Remediated, and verified",
            "The loop:\n  - resize may s3:PutObject on uploads/example, by statement Write of policy",
            "What Stackwarden did:\n  - reserved concurrency of function resize: none -> 10",
            "Verified:\n  - reserved concurrency of resize is 10: the loop is slowed down, not ended",
            "    Resource: arn:aws:s3:::uploads/out/*",
            "--name /stackwarden/exemptions/s3-recursion/resize",
        ):
            assert part in text

    def test_in_mode_observe_says_what_it_would_have_done(self) -> None:
        _, text = mail(loop_case(function(reserved=70, allows_recursion=True), mode=Mode.OBSERVE))

        assert "Nothing was changed (see below)" in text
        assert "Nothing: the mode is observe." in text
        assert "would have: reserved concurrency of function resize: 70 -> 10" in text
        assert "would have: recursive loops of function resize: Allow -> Terminate" in text

    @pytest.mark.parametrize("case", [loop_case(loop=POSSIBLE), loop_case(function(reserved=3))])
    def test_of_what_is_only_told_does_not_say_that_nothing_could_be_done(self, case: Case) -> None:
        assert "nothing that could be done" not in mail(case)[1]

    def test_of_an_exemption_names_it(self) -> None:
        _, text = mail(loop_case(exempt="uploads"))

        assert "Nothing: exempt by /stackwarden/exemptions/s3-recursion/uploads" in text
        assert "If this is meant" not in text

    def test_of_a_failure_says_what_lambda_said(self) -> None:
        subject, text = mail(REFUSED)

        assert subject.startswith("[Stackwarden] FAILED prod: function resize can trigger itself")
        assert "FAILED: THE HAZARD IS STILL THERE" in text
        assert "FAILED: reserved concurrency of function resize: none -> 10: Lambda.Invalid" in text

    def test_of_a_loop_that_is_gone(self) -> None:
        subject, text = mail(RELEASED)

        assert subject == "[Stackwarden] REMEDIATED prod: function resize loops no more: cap released"
        assert "reserved concurrency of function resize: 10 -> none" in text
        assert "The loop:" not in text
        assert "If this is meant" not in text

    @pytest.mark.parametrize("case", [STILL_CAPPED, UNSEEN])
    def test_of_a_cap_that_stays_does_not_say_that_the_loop_does(self, case: Case) -> None:
        assert "THE HAZARD IS STILL THERE" not in mail(case)[1]


def test_what_is_told_of_a_filter_with_alternatives() -> None:
    loop = resize_loop()
    hop = loop.hops[0]
    several = Trigger(**{**vars(hop.trigger), "filters": (KeyFilter.of("a/"), KeyFilter.of("b/"))})

    assert "(prefix 'a/' or prefix 'b/', " in hop_text(replace(hop, trigger=several))


def test_the_building_blocks_make_what_the_reports_are_about() -> None:
    assert judge(CAPPED).outcome is judge(RELEASED).outcome is Outcome.REMEDIATED
    assert judge(REFUSED).outcome is judge(STILL_CAPPED).outcome is judge(UNSEEN).outcome is Outcome.FAILED
    assert resize_loop(events=CREATED).hops[0].function == function_arn("resize")
