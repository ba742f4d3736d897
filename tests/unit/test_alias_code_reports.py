"""What `missing-alias` says about code: who runs what came past the pipelines, what was left behind."""

import shlex
from dataclasses import replace

import pytest

from stackwarden.finding import Outcome, Prose, Severity
from stackwarden.policies.alias_changes import ALIAS_TAG, Change, judge_behind, judge_change
from stackwarden.policies.alias_code_reports import describe_behind, describe_change
from stackwarden.policies.alias_reach import reach_of
from stackwarden.policies.alias_state import Alias, Invoker
from stackwarden.policies.missing_alias import Case
from tests.alias_cases import REGION, STACK, case, code, function, mapping, notification, people, version

ALICE = "arn:aws:sts::123456789012:assumed-role/Admin/alice"
NEW = Change("B", before="A")
MOVE_BACK = (
    f"aws lambda update-alias --function-name orders --name live --function-version 1 --region {REGION}"
)
OLD, NEWER = version("1"), version("2", "B")
UPLOADED = code(OLD, now="B")
EXPOSED = case(function(mapping(), code=UPLOADED))
SHIELDED = case(function(mapping("live"), live="1", code=UPLOADED))
THROUGH = case(function(mapping("live"), live="2", code=code(OLD, NEWER, now="B")))


def changed(state: Case, change: Change = NEW) -> Prose:
    return describe_change(state, judge_change(state), change, ALICE)


def behind(state: Case) -> Prose:
    return describe_behind(state, judge_behind(state))


def test_a_change_that_is_live_is_urgent_and_says_for_whom() -> None:
    prose = changed(EXPOSED)

    assert prose.severity is Severity.HIGH
    assert prose.title == "Code of orders changed outside the known pipelines: live now"
    assert ALICE in prose.why
    assert "CodeSha256: B." in prose.why
    assert "Version 1 (CodeSha256 A) is the newest published one with other code." in prose.why
    assert "It runs now for SQS queue orders (without a qualifier)." in prose.why


def test_the_code_from_before_is_fetched_and_put_back() -> None:
    fetch, upload = [line.strip() for line in changed(EXPOSED).fix.splitlines()[1:3]]

    assert fetch.startswith('curl -sSf -o orders-1.zip "$(aws lambda get-function')
    assert "--function-name orders --qualifier 1 --query Code.Location" in fetch
    call = "aws lambda update-function-code --function-name orders --zip-file fileb://orders-1.zip"
    assert shlex.split(upload) == f"{call} --region {REGION}".split()


def test_an_alias_shields_live_traffic() -> None:
    prose = changed(SHIELDED)

    assert prose.severity is Severity.MEDIUM
    assert prose.title.endswith(": not live")
    assert "Nothing live changed for SQS queue orders (by alias live)." in prose.why
    assert "before it is published" in prose.fix


def test_an_alias_that_was_moved_to_the_change_is_moved_back() -> None:
    prose = changed(THROUGH)

    assert prose.severity is Severity.HIGH
    assert prose.fix.splitlines()[1].strip() == MOVE_BACK


def test_an_alias_that_sends_a_part_to_the_change_is_live() -> None:
    shifting = {"live": Alias("live", "1", {"2": 0.1})}
    state = case(function(mapping("live"), aliases=shifting, code=code(OLD, NEWER, now="B")))

    prose = changed(state)

    assert prose.severity is Severity.HIGH
    command = shlex.split(prose.fix.splitlines()[1])
    assert command[:3] == ["aws", "lambda", "update-alias"]
    assert command[command.index("--routing-config") + 1] == "AdditionalVersionWeights={}"


@pytest.mark.parametrize("invokers", [(), (people(),), (mapping("1"),), (mapping("live", state="Disabled"),)])
def test_an_alias_on_the_change_is_live_whoever_is_known_to_name_it(invokers: tuple[Invoker, ...]) -> None:
    prose = changed(case(function(*invokers, live="2", code=code(OLD, NEWER, now="B"))))

    assert prose.severity is Severity.HIGH
    assert prose.title.endswith(": live now")
    assert "It runs for whoever invokes alias live." in prose.why
    assert prose.fix.splitlines()[1].strip() == MOVE_BACK
    assert prose.evidence["aliases"] == ["live"]


def test_an_alias_on_latest_is_live_and_stays_where_it_is() -> None:
    prose = changed(case(function(aliases={"dev": Alias("dev", "$LATEST")}, code=UPLOADED)))

    assert prose.severity is Severity.HIGH
    assert "put the code of version 1 back; it is live at once" in prose.fix
    assert "update-alias" not in prose.fix


def test_a_version_that_is_named_by_its_number_is_live() -> None:
    prose = changed(case(function(mapping("2"), code=code(OLD, NEWER, now="C"))))

    assert prose.severity is Severity.HIGH
    assert prose.title.endswith(": live now")


def test_a_version_that_was_not_read_is_not_claimed_to_be_safe() -> None:
    state = case(function(mapping("7"), code=UPLOADED))

    prose = changed(state)

    assert prose.title == "Code of orders changed outside the known pipelines"
    assert "Not known for SQS queue orders (by version 7)." in prose.why
    assert "Nothing live changed" not in prose.why


def test_what_is_switched_off_does_not_run_it_now() -> None:
    prose = changed(case(function(mapping(state="Disabled"), code=UPLOADED)))

    assert prose.severity is Severity.MEDIUM
    assert "It would run for SQS queue orders (without a qualifier; disabled)." in prose.why


def test_code_that_was_replaced_since_is_not_live() -> None:
    state = case(function(mapping(), code=code(OLD, now="C")))

    prose = changed(state)

    assert "$LATEST has yet other code by now." in prose.why
    assert prose.severity is Severity.MEDIUM
    assert "update-function-code" not in prose.fix


def test_what_was_last_seen_is_not_the_way_back_while_a_newer_version_has_other_code() -> None:
    """Between a look of the guard and the change there may have been deployments."""
    published = code(OLD, version("2", "C"), now="B")

    prose = changed(case(function(mapping(), code=published)))

    assert "Version 2 (CodeSha256 C) is the newest published one with other code." in prose.why
    assert "last seen" not in prose.why
    assert prose.evidence["rollback_version"] == "2"
    assert prose.evidence["rollback_code_sha256"] == "C"
    assert "--qualifier 2" in prose.fix


@pytest.mark.parametrize(("before", "said"), [("A", True), ("", False)])
def test_without_a_published_version_the_pipeline_is_the_way_back(before: str, said: bool) -> None:
    prose = changed(case(function(mapping(), code=code(now="B"))), Change("B", before))

    assert "No published version with other code is known." in prose.why
    assert ("CodeSha256 A was last seen by Stackwarden." in prose.why) is said
    assert ("last seen" in prose.why) is said
    assert prose.evidence["code_sha256_last_seen"] == (before or None)
    assert prose.fix.startswith("Deploy the last good state with the pipeline")


@pytest.mark.parametrize("before", ["", "A", "B"])
def test_a_change_that_does_not_tell_its_code_is_told_by_what_runs_now(before: str) -> None:
    prose = changed(EXPOSED, Change("", before))

    assert "CodeSha256: B (the event does not say which; this is what it runs now)." in prose.why
    assert "yet other code" not in prose.why
    assert prose.title.endswith(": live now")
    assert prose.evidence["code_sha256"] == "B"
    assert prose.evidence["rollback_version"] == "1"


def test_a_change_that_does_not_tell_its_code_was_not_last_seen_with_what_runs_now() -> None:
    prose = changed(case(function(mapping(), code=code(now="B"))), Change("", before="B"))

    assert "last seen" not in prose.why


def test_a_pipeline_that_nobody_has_named_can_be_named() -> None:
    """No pipeline is known by default."""
    prose = changed(EXPOSED)

    assert "by hand" not in f"{prose.title} {prose.why}"
    assert "If it was the pipeline, name it in MissingAliasPipelinePrincipals." in prose.fix


def test_a_version_that_the_call_published_is_named() -> None:
    assert "The call published it as version 2." in changed(EXPOSED, replace(NEW, published="2")).why


def test_a_function_that_nothing_invokes_is_told_as_that() -> None:
    prose = changed(case(function(people(), code=UPLOADED)))

    assert "No service is known to invoke the function." in prose.why
    assert prose.severity is Severity.MEDIUM


def test_an_exempt_change_is_only_told() -> None:
    state = case(EXPOSED.function, exempt="orders")

    prose = changed(state)

    assert judge_change(state).outcome is Outcome.EXEMPT
    assert prose.severity is Severity.LOW
    assert "update-function-code" not in prose.fix


def test_the_reach_of_a_change_is_by_code_and_not_by_name() -> None:
    state = case(function(mapping("live"), notification("1"), live="2", code=code(OLD, NEWER, now="B")))

    reach = reach_of(state, NEW)

    assert reach.through == (mapping("live"),)
    assert reach.elsewhere == (notification("1"),)


BEHIND = case(
    function(
        mapping("live"), live="1", code=UPLOADED, tags={ALIAS_TAG: "live"}, stack=replace(STACK, tool="SAM")
    )
)


def test_a_deployment_that_is_not_live_is_told_with_the_way_to_make_it_live() -> None:
    prose = behind(BEHIND)

    assert prose.title == "New code of orders not live: alias live is on version 1"
    assert "SQS queue orders still run version 1" in prose.why
    assert "CodeSha256: A is live, B is $LATEST." in prose.why
    publish, wait, move = [line.strip() for line in prose.fix.splitlines()[1:4]]
    assert publish.startswith("version=$(aws lambda publish-version --function-name orders")
    assert '--qualifier "$version"' in wait
    assert '--name live --function-version "$version"' in move
    assert "AutoPublishAlias: current" in prose.fix


def test_settings_that_are_not_live_are_not_called_code() -> None:
    state = replace(BEHIND, function=replace(BEHIND.function, code=code(OLD, settings="256 MB")))

    assert behind(state).title.startswith("New settings of orders not live")


@pytest.mark.parametrize("tags", [{}, {ALIAS_TAG: "gone"}])
def test_an_alias_that_is_not_behind_is_no_concern(tags: dict[str, str]) -> None:
    prose = behind(replace(BEHIND, function=replace(BEHIND.function, tags=tags)))

    assert prose.severity is Severity.LOW
    assert prose.fix == "Nothing."


def test_what_could_not_be_read_is_not_certain() -> None:
    unread = ("Schedules were not read.",)

    for state, told in ((EXPOSED, changed), (BEHIND, behind)):
        prose = told(replace(state, function=replace(state.function, unread=unread)))
        assert prose.evidence["undecided"] == list(unread)
