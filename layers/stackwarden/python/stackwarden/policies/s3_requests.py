"""What a function's request to S3 says under each condition key, and what its code may send. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import combinations, product

from stackwarden.policies import s3_condition_keys as keys
from stackwarden.policies.s3_conditions import Known, Lookup, expand, holds, moment
from stackwarden.policies.s3_patterns import Token
from stackwarden.policies.s3_state import Caller, Condition, Role, Statement

MOST_VALUES = 40  # candidates for one condition key; more are not tried
_WORD = "example"


@dataclass(frozen=True)
class Context:
    """One entry of SimulatePrincipalPolicy's ContextEntries.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
    """

    key: str
    type: keys.ContextType
    values: tuple[str, ...]


def role_facts(role: Role) -> dict[str, str]:
    """Return what every session of the role says of its principal."""
    account = role.arn.split(":")[4]
    facts = {
        "aws:PrincipalArn": role.arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalType": "AssumedRole",
    }
    return facts | {f"aws:PrincipalTag/{key}": value for key, value in role.tags.items()}


def _session_facts(caller: Caller) -> dict[str, str]:
    return role_facts(caller.role) | {
        "aws:userid": f"{caller.role.id}:{caller.name}",
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        "aws:RequestedRegion": caller.region,
        "aws:ResourceAccount": caller.account,
        "s3:ResourceAccount": caller.account,
        "lambda:SourceFunctionArn": caller.arn,
    }


@dataclass(frozen=True)
class Request:
    """A call of a function. sent: what its code chose, by condition key as AWS spells it."""

    caller: Caller
    action: str
    sent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def lookup(self, statement: Statement) -> Lookup:
        """Return the keys that this statement sees.

        Lambda's own key is for identity policies only:
        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        return self._in_bucket_policy if is_resource_based(statement) else self.value

    def value(self, key: str) -> Known:
        """Return the values under a key; () if it is absent, None if nobody can tell."""
        name = key.lower()
        if name in self._known:
            return self._known[name]
        if name in keys.OF_A_VPC:
            return None if self.caller.in_vpc else ()
        if name in keys.UNTIL_CHOSEN:
            return None
        is_absent = name in keys.ABSENT or name.startswith(keys.ABSENT_FAMILIES)
        return () if is_absent else None

    def contexts(self) -> tuple[Context, ...]:
        """Return all that is known to be present."""
        return tuple(
            Context(key, keys.TYPES.get(key, "string"), values) for key, values in self._present.items()
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What must be so for S3 to take such a request, beyond permissions."""
        return tuple(
            f"only if {keys.MUST_BE[family]}".format(tag=key.removeprefix(family), value=values[0])
            for key, values in self.sent.items()
            for family in keys.MUST_BE
            if key.startswith(family)
        )

    @property
    def also_needs(self) -> tuple[str, ...]:
        """The permissions that what was sent takes besides the action's own.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        """
        if self.action != "s3:PutObject":
            return ()
        needed = (keys.ALSO_NEEDS[family] for key in self.sent for family in _families(key, keys.ALSO_NEEDS))
        return tuple(dict.fromkeys(needed))

    @property
    def is_possible(self) -> bool:
        """Whether S3 takes these headers together.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        """
        encryption = self.sent.get(keys.SSE, ("",))[0]
        if keys.SSE_KEY in self.sent and not encryption.startswith("aws:kms"):
            return False
        if keys.SSE_CUSTOMER in self.sent and encryption:
            return False
        return not (keys.ACL in self.sent and any(key in self.sent for key in keys.GRANTS))

    def _in_bucket_policy(self, key: str) -> Known:
        return None if key.lower() == "lambda:sourcefunctionarn" else self.value(key)

    @cached_property
    def _present(self) -> dict[str, tuple[str, ...]]:
        facts = {key: (value,) for key, value in _session_facts(self.caller).items()}
        if self.action == "s3:PutObject":
            facts["s3:ObjectCreationOperation"] = ("true",)
        may_send = keys.ANY_ACTION + keys.CHOSEN.get(self.action, ())
        return facts | {key: values for key, values in self.sent.items() if _families(key, may_send)}

    @cached_property
    def _known(self) -> dict[str, tuple[str, ...]]:
        return {key.lower(): values for key, values in self._present.items()}


def is_resource_based(statement: Statement) -> bool:
    """Whether it is of a policy that says whom it is about, such as a bucket's."""
    return bool(statement.principals or statement.not_principals)


def _families(key: str, names: Iterable[str]) -> list[str]:
    """Return the names that stand for the key: itself, or its beginning where that ends in `/`."""
    return [name for name in names if key == name or (name.endswith("/") and key.startswith(name))]


@dataclass(frozen=True)
class Choices:
    """The values that the code may send under each key that the conditions name, () for none, best first.

    Values that no condition tells apart are one choice. is_complete: False if there were too many to try.
    """

    plain: Request
    options: Mapping[str, Sequence[tuple[str, ...]]]
    is_complete: bool

    @classmethod
    def of(cls, plain: Request, lines: Sequence[tuple[Statement, Condition]]) -> "Choices":
        """Read them off the conditions of all statements that count. plain: a request that sends nothing."""
        by_key = _by_key(plain, lines)
        options: dict[str, Sequence[tuple[str, ...]]] = {}
        is_complete = True
        for key, conditions in by_key.items():
            values = _candidates(plain, key, [condition for _, condition in conditions])
            is_complete &= len(values) <= MOST_VALUES
            absent = () if key in (*keys.NEVER_ABSENT, keys.VERSION_ID) else ((),)
            candidates = [*absent, *((value,) for value in values[:MOST_VALUES])]
            options[key] = _told_apart(plain, key, candidates, conditions, frozenset(by_key))
        return cls(plain, {key: found for key, found in options.items() if key != keys.TAG_KEYS}, is_complete)

    def requests(self) -> Iterator[Request]:
        """Yield every combination, those that send least first."""
        defaults = {key: options[0] for key, options in self.options.items()}
        for number in range(len(self.options) + 1):
            for changed in combinations(self.options, number):
                for values in product(*(self.options[key][1:] for key in changed)):
                    request = self._with(defaults | dict(zip(changed, values, strict=True)))
                    if request.is_possible:
                        yield request

    def _with(self, chosen: Mapping[str, tuple[str, ...]]) -> Request:
        sent = {key: values for key, values in chosen.items() if values}
        tags = tuple(key.removeprefix(keys.TAG) for key in sent if key.startswith(keys.TAG))
        return Request(self.plain.caller, self.plain.action, sent | ({keys.TAG_KEYS: tags} if tags else {}))


type _Lines = list[tuple[Statement, Condition]]


def _by_key(plain: Request, lines: Sequence[tuple[Statement, Condition]]) -> dict[str, _Lines]:
    """Sort the conditions on what the code may choose; add the keys that these depend on."""
    may_send = {name.lower(): name for name in (*keys.ANY_ACTION, *keys.CHOSEN.get(plain.action, ()))}
    spelled: dict[str, str] = {}  # one spelling of a key, whichever came first
    found: dict[str, _Lines] = {}

    def conditions_on(key: str) -> _Lines:
        return found.setdefault(spelled.setdefault(key.lower(), key), [])

    for statement, condition in lines:
        family = next((name for name in may_send if _families(condition.key.lower(), [name])), None)
        if family is not None:
            name = may_send[family] + condition.key[len(family) :]
            conditions_on(name).append((statement, condition))
    if keys.TAG_KEYS in found:
        named = _candidates(plain, keys.TAG_KEYS, [condition for _, condition in found[keys.TAG_KEYS]])
        for tag in named[:MOST_VALUES]:
            conditions_on(keys.TAG + tag)
    if keys.SSE_KEY in found:
        conditions_on(keys.SSE)
    return found


def _candidates(plain: Request, key: str, conditions: Iterable[Condition]) -> list[str]:
    if key in keys.VALUES:
        return list(keys.VALUES[key])
    caller = plain.caller
    fresh = f"arn:{caller.partition}:kms:{caller.region}:{caller.account}:key/{_WORD}"
    values = [
        value
        for condition in conditions
        for wanted in condition.values
        for value in _instances(condition.operator, wanted, plain.value)
    ]
    return list(dict.fromkeys([*values, fresh if key == keys.SSE_KEY else keys.FRESH.get(key, _WORD)]))


def _instances(operator: str, wanted: str, lookup: Lookup) -> list[str]:
    """Return values that meet a condition, or that just do not."""
    try:
        if "Numeric" in operator:
            return [f"{float(wanted) + step:g}" for step in (0, -1, 1)]
        if "Date" in operator:
            return [(moment(wanted) + timedelta(days=step)).isoformat() for step in (0, -1, 1)]
    except (ValueError, OverflowError):
        return []
    if operator in {"Null", "Bool"}:
        return []
    expanded = expand(wanted, lookup, wildcards="Like" in operator or "Arn" in operator)
    words = {Token.ANY: _WORD, Token.ONE: "x"}
    text = "".join(words[token] if isinstance(token, Token) else token for token in expanded.glob.tokens)
    return [text] if expanded.is_exact else []


def _told_apart(
    plain: Request, key: str, candidates: Iterable[tuple[str, ...]], lines: _Lines, named: frozenset[str]
) -> list[tuple[str, ...]]:
    """Keep one candidate of those for which every condition has the same answer."""
    kept: dict[tuple[object, ...], tuple[str, ...]] = {}
    for values in candidates:
        request = Request(plain.caller, plain.action, {key: values} if values else {})
        answers: tuple[object, ...] = tuple(
            holds(condition, request.lookup(statement)) for statement, condition in lines
        )
        if key == keys.SSE and keys.SSE_KEY in named:
            answers += (bool(values) and values[0].startswith("aws:kms"),)
        if key.startswith(keys.TAG) and keys.TAG_KEYS in named:
            answers += (bool(values),)
        kept.setdefault(answers, values)
    return list(kept.values())
