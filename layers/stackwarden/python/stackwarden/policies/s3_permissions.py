"""May a function's role raise an event on some key of a bucket? If so, on which, by which statement? Pure.

The answer is a witness: one object, and one request for it that the function's code can send. Identity
policies, the permissions boundary and the bucket's policy count, as they do for IAM:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
What does not count: session policies, service and resource control policies, policies of VPC endpoints and of
KMS keys; and access points, whose ARNs (`arn:aws:s3:us-east-1:123456789012:accesspoint/…`) name no bucket.
Documents are read as version 2012-10-17. A boundary limits every Allow of a bucket's policy.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, product

from stackwarden.policies.s3_conditions import all_hold, holds
from stackwarden.policies.s3_patterns import Glob, Token, Undecided, witness
from stackwarden.policies.s3_requests import Choices, Context, Request, is_resource_based
from stackwarden.policies.s3_state import Caller, KeyFilter, Statement
from stackwarden.policies.s3_statements import (
    Area,
    Choice,
    acts,
    allowed_area,
    buckets_named,
    concerns,
    denied_areas,
    spells_bucket,
    to_identity_policy,
)

__all__ = ["Context", "Grant", "NotDecided", "buckets_named", "grant", "to_identity_policy"]

# The bounds of one grant; a few of each suffice nearly always. All together, it takes about a second at most.
MOST_REQUESTS = 1500  # combinations of what the code may send
MOST_COMBINATIONS = 20_000  # of patterns, compared by their beginnings
MOST_SEARCHES = 200  # questions to s3_patterns
MOST_STATES = 4000  # of one such question
MOST_UNDECIDED = 3  # of these questions
LONGEST_KEY = 1024  # bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html


@dataclass(frozen=True)
class Grant:
    """A proof that the function may do this to that object.

    statement: the Allow. names_bucket: whether its Resource spells the bucket in full. context: what is known
    of the session and what the request carries, for SimulatePrincipalPolicy. resource_policy: what the
    bucket's policy says to it, for to_identity_policy; not the statements of which there is a doubt.
    """

    action: str
    key: str
    object_arn: str
    statement: Statement
    names_bucket: bool
    context: tuple[Context, ...]
    resource_policy: tuple[Statement, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotDecided:
    """There may or may not be a grant: the search reached its bound."""

    reason: str


def grant(
    caller: Caller,
    actions: Sequence[str],
    bucket: str,
    keys: Sequence[KeyFilter],
    bucket_policy: Sequence[Statement] = (),
    refused: Collection[tuple[str, str]] = (),
) -> Grant | NotDecided | None:
    """Return a grant of one of the actions on an object whose key passes one of the filters; None: no such.

    Best first: by a statement that names the bucket, then without doubts, then by the first one. refused:
    pairs of action and object ARN that IAM denied; a grant of such a pair is not returned.
    """
    search = _Search(caller, f"arn:{caller.partition}:s3:::{bucket}/", keys, bucket_policy, refused)
    cases = [case for action in actions for case in search.cases(action)]
    for names_bucket, is_sure in product((True, False), (True, False)):
        for case in cases:
            found = search.within(case, names_bucket, is_sure)
            if found is not None:
                return found
    return NotDecided(search.reasons[0]) if search.reasons else None


@dataclass(frozen=True)
class _Deny:
    """A Deny, or the part of one that is about an area. doubt: empty if it surely applies."""

    statement: Statement
    area: Area
    doubt: str = ""


@dataclass(frozen=True)
class _Case:
    """A request that an Allow lets through somewhere. limits: where the boundary does, if there is one."""

    request: Request
    allow: Statement
    area: Area
    denies: tuple[_Deny, ...]
    limits: tuple[Area, ...] | None

    @property
    def is_free(self) -> bool:
        """Whether no other request can lead further."""
        return not (self.denies or self.limits is not None or self.request.doubts or self.request.also_needs)

    def is_as_good_as(self, other: "_Case") -> bool:
        """Whether it leads to every object that another request by the same Allow leads to."""
        return (
            set(self.denies) <= set(other.denies)
            and set(self.limits or ()) >= set(other.limits or ())
            and set(self.request.doubts) <= set(other.request.doubts)
            and set(self.request.also_needs) <= set(other.request.also_needs)
        )


@dataclass(frozen=True)
class _Rules:
    """The statements about one action."""

    allows: tuple[Statement, ...]
    denies: tuple[Statement, ...]
    limits: tuple[Statement, ...] | None

    def at(self, request: Request, allow: Statement, base: str) -> _Case | None:
        """Apply them to one request; None if this Allow does not let it through."""
        if _applies(allow, request) is not True:
            return None
        limits = None
        if self.limits is not None:
            limiting = (limit for limit in self.limits if _applies(limit, request))
            limits = tuple(allowed_area(limit, request.lookup(limit), base) for limit in limiting)
        denies = tuple(chain.from_iterable(_denied(deny, request, base) for deny in self.denies))
        return _Case(request, allow, allowed_area(allow, request.lookup(allow), base), denies, limits)

    def permit(self, request: Request, arn: str, base: str) -> bool:
        """Whether one object may surely be asked for so."""
        cases = (self.at(request, allow, base) for allow in self.allows)
        return any(
            case.area.covers(arn)
            and (case.limits is None or any(area.covers(arn) for area in case.limits))
            and not any(deny.area.covers(arn) for deny in case.denies)
            for case in cases
            if case is not None
        )


@dataclass
class _Search:
    """One call of grant. base: what the ARN of each object of the bucket begins with."""

    caller: Caller
    base: str
    keys: Sequence[KeyFilter]
    bucket_policy: Sequence[Statement]
    refused: Collection[tuple[str, str]]
    requests: int = 0
    combinations: int = 0
    searches: int = 0
    undecided: int = 0
    reasons: list[str] = field(default_factory=list)

    def cases(self, action: str) -> Iterator[_Case]:
        """Yield for each Allow the requests that it lets through, without those that lead no further."""
        rules = self._rules(action)
        plain = Request(self.caller, action)
        for allow in rules.allows:
            if allowed_area(allow, plain.lookup(allow), self.base).is_empty:
                continue
            relevant = (allow, *rules.denies, *(rules.limits or ()))
            choices = Choices.of(plain, [(s, line) for s in relevant for line in s.conditions])
            if not choices.is_complete:
                self.reasons.append(f"{allow} depends on more values than are tried")
            yield from self._distinct(choices, rules, allow)

    def _distinct(self, choices: Choices, rules: _Rules, allow: Statement) -> Iterator[_Case]:
        kept: list[_Case] = []
        for request in choices.requests():
            self.requests += 1
            if self.requests > MOST_REQUESTS:
                self.reasons.append(f"more than {MOST_REQUESTS} requests to try, the last ones for {allow}")
                return
            case = rules.at(request, allow, self.base)
            if case is not None and not any(other.is_as_good_as(case) for other in kept):
                kept.append(case)
                yield case
                if case.is_free:
                    return

    def _rules(self, action: str) -> _Rules:
        """Leave out what is not about the action, the caller or the bucket."""
        role, plain = self.caller.role, Request(self.caller, action)
        own = (s for s in self.bucket_policy if concerns(s, self.caller) is not False)
        acting = [s for s in (*role.statements, *own) if acts(s, action)]
        boundary = None if role.boundary is None else [s for s in role.boundary if acts(s, action)]
        return _Rules(
            tuple(s for s in acting if s.effect == "Allow"),
            tuple(
                s
                for s in (*acting, *(boundary or ()))
                if s.effect == "Deny" and any(_denied_areas(s, plain, self.base))
            ),
            None if boundary is None else tuple(s for s in boundary if s.effect == "Allow"),
        )

    def within(self, case: _Case, names_bucket: bool, is_sure: bool) -> Grant | None:
        """Look for an object; unless is_sure, among those of which there is a doubt."""
        if is_sure and case.request.doubts:
            return None
        avoided = [deny for deny in case.denies if is_sure or not deny.doubt]
        if not is_sure and len(avoided) == len(case.denies) and not _may_be_doubted(case.request):
            return None
        ways = [way for way in case.area.ways_in() if spells_bucket(way, self.base) is names_bucket]
        for choices in self._combinations(self._demands(case, avoided, ways)):
            if self.is_over:
                self.reasons.append("too many combinations of statements, or too intricate ones")
                return None
            arn = self._witness(choices)
            if arn is None or (case.request.action, arn) in self.refused:
                continue
            found = self._grant(case, arn, names_bucket)
            if not (is_sure and found.doubts):
                return found
        return None

    @property
    def is_over(self) -> bool:
        """Whether a bound was reached."""
        return (
            self.combinations >= MOST_COMBINATIONS
            or self.searches >= MOST_SEARCHES
            or self.undecided >= MOST_UNDECIDED
        )

    def _demands(self, case: _Case, avoided: list[_Deny], ways: list[Choice]) -> list[list[Choice]]:
        """Return what is to be met, each in one way or another."""
        base = Glob.literal(self.base)
        filters = [
            Choice(tuple(base + glob for glob in key.all_of), tuple(base + glob for glob in key.none_of))
            for key in self.keys
        ]
        demands = [ways, filters, *(list(deny.area.ways_out()) for deny in avoided)]
        if case.limits is not None:
            demands.append([way for area in case.limits for way in area.ways_in()])
        return sorted(demands, key=len)

    def _combinations(
        self, demands: list[list[Choice]], made: tuple[Choice, ...] = ()
    ) -> Iterator[tuple[Choice, ...]]:
        """Yield choices that meet all demands and that do not contradict each other at first sight."""
        if len(made) == len(demands) or self.is_over:
            yield made
            return
        for choice in demands[len(made)]:
            self.combinations += 1
            if all(choice.may_go_with(other) for other in made):
                yield from self._combinations(demands, (*made, choice))

    def _witness(self, choices: Sequence[Choice]) -> str | None:
        self.searches += 1
        found = witness(
            [Glob.literal(self.base) + Glob((Token.ONE, Token.ANY)), *(g for c in choices for g in c.all_of)],
            [glob for choice in choices for glob in choice.none_of],
            longest=len(self.base) + LONGEST_KEY,
            most_states=MOST_STATES,
        )
        if isinstance(found, Undecided):
            self.undecided += 1
            self.reasons.append(f"patterns that are not decided after {found.states} steps")
            return None
        if found is not None and len(found.removeprefix(self.base).encode()) > LONGEST_KEY:
            self.reasons.append(f"no key of at most {LONGEST_KEY} bytes was found")
            return None
        return found

    def _grant(self, case: _Case, arn: str, names_bucket: bool) -> Grant:
        request = case.request
        doubted = [deny for deny in case.denies if deny.doubt and deny.area.covers(arn)]
        missing = [
            f"only if it may also {action}, for what the request carries"
            for action in request.also_needs
            if not self._rules(action).permit(Request(self.caller, action, request.sent), arn, self.base)
        ]
        doubts = [*(deny.doubt for deny in doubted), *request.doubts, *missing]
        heard = [s for s in self._rules(request.action).denies if is_resource_based(s)]
        unsure = [deny.statement for deny in doubted]
        denies = [s for s in heard if concerns(s, self.caller) and s not in unsure]
        return Grant(
            action=request.action,
            key=arn.removeprefix(self.base),
            object_arn=arn,
            statement=case.allow,
            names_bucket=names_bucket,
            context=request.contexts(),
            resource_policy=(*([case.allow] if is_resource_based(case.allow) else []), *denies),
            doubts=tuple(dict.fromkeys(doubts)),
        )


def _applies(statement: Statement, request: Request) -> bool | None:
    lookup = request.lookup(statement)
    return all_hold(holds(line, lookup) for line in statement.conditions)


def _may_be_doubted(request: Request) -> bool:
    return bool(request.doubts or request.also_needs)


def _denied_areas(deny: Statement, request: Request, base: str) -> list[tuple[Area, bool]]:
    sure, unsure = denied_areas(deny, request.lookup(deny), base)
    return [(area, is_sure) for area, is_sure in ((sure, True), (unsure, False)) if not area.is_empty]


def _denied(deny: Statement, request: Request, base: str) -> Iterator[_Deny]:
    """Yield its parts, if it applies or may apply."""
    applies = _applies(deny, request)
    if applies is False:
        return
    unknown: list[str] = []
    if applies is None:
        lookup = request.lookup(deny)
        unknown += dict.fromkeys(line.key for line in deny.conditions if holds(line, lookup) is None)
    if is_resource_based(deny) and concerns(deny, request.caller) is None:
        unknown.append("its Principal")
    for area, is_sure in _denied_areas(deny, request, base):
        reasons = [*unknown, *([] if is_sure else ["policy variables"])]
        doubt = f"unless {deny} (Deny) applies, which depends on {', '.join(reasons)}" if reasons else ""
        yield _Deny(deny, area, doubt)
