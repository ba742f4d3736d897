"""What a simulation of IAM policies answers. Pure: documents, actions, resources and a context in.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local.authorization.policy import Document, Request, applying, listed, statements
from local.authorization.wildcards import Values, variables
from local.resource_policy import names

EXPLICIT_DENY, IMPLICIT_DENY, ALLOWED = "explicitDeny", "implicitDeny", "allowed"
RESTRICTIVE_FIRST = (EXPLICIT_DENY, IMPLICIT_DENY, ALLOWED)
EVERYTHING = "*"
S3_OBJECT, S3_BUCKET = "arn:${Partition}:s3:::${BucketName}/${KeyName}", "arn:${Partition}:s3:::${BucketName}"


@dataclass(frozen=True)
class Source:
    """A policy as the simulation names it, with the text that positions refer to."""

    id: str
    text: str
    type: str = "IAM Policy"

    @property
    def document(self) -> Document:
        """The policy, parsed."""
        document: Document = json.loads(self.text)
        return document


@dataclass(frozen=True)
class Simulation:
    """Policies, and what is known of the request by condition key, in lower case."""

    identity: Sequence[Source]
    boundary: Source | None = None
    resource_policy: Source | None = None
    caller: str = ""
    context: Values | None = None

    def evaluate(self, action: str, resources: Sequence[str]) -> dict[str, Any]:
        """The EvaluationResult of an action: one for all resources, with the results of each."""
        results = [self._on(action, resource) for resource in resources]
        decision = min((it["EvalResourceDecision"] for it in results), key=RESTRICTIVE_FIRST.index)
        matched = [match for it in results for match in it["MatchedStatements"]]
        answer: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": EVERYTHING if EVERYTHING in resources else template(action, resources[0]),
            "EvalDecision": decision,
            "MatchedStatements": [it for n, it in enumerate(matched) if it not in matched[:n]],
            "MissingContextValues": self._missing(),
        }
        if self.boundary:
            allowed = all(
                it["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for it in results
            )
            answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
        return answer if EVERYTHING in resources else {**answer, "ResourceSpecificResults": results}

    def _on(self, action: str, resource: str) -> dict[str, Any]:
        request = Request(action, resource, self.context or {})
        decision, matched = self._decide(request)
        result: dict[str, Any] = {
            "EvalResourceName": resource,
            "EvalResourceDecision": decision,
            "MatchedStatements": matched,
            "MissingContextValues": self._missing(),
        }
        if self.boundary:
            detail = {"AllowedByPermissionsBoundary": self._boundary_allows(request)}
            result["PermissionsBoundaryDecisionDetail"] = detail
        return result

    def _decide(self, request: Request) -> tuple[str, list[dict[str, Any]]]:
        denials = self._matching("Deny", request)
        if denials:
            return EXPLICIT_DENY, denials
        if self.boundary and applying(self.boundary.document, "Deny", request):
            return EXPLICIT_DENY, []
        grants = self._matching("Allow", request)
        if not grants or (self.boundary and not self._boundary_allows(request)):
            return IMPLICIT_DENY, []
        return ALLOWED, grants

    def _matching(self, effect: str, request: Request) -> list[dict[str, Any]]:
        found = [(it, applying(it.document, effect, request)) for it in self.identity]
        found += [(it, self._naming_caller(it, effect, request)) for it in self._of_resource()]
        return [
            {"SourcePolicyId": source.id, "SourcePolicyType": source.type, **positions(source.text)[number]}
            for source, numbers in found
            for number in numbers
        ]

    def _of_resource(self) -> list[Source]:
        return [self.resource_policy] if self.resource_policy else []

    def _naming_caller(self, source: Source, effect: str, request: Request) -> list[int]:
        found = list(statements(source.document))
        return [
            number
            for number in applying(source.document, effect, request)
            if names(found[number].get("Principal"), self.caller)
        ]

    def _boundary_allows(self, request: Request) -> bool:
        return self.boundary is None or (
            bool(applying(self.boundary.document, "Allow", request))
            and not applying(self.boundary.document, "Deny", request)
        )

    def _missing(self) -> list[str]:
        """Every key of every policy that was not given, of no matter which action: so answers IAM.

        https://github.com/boto/boto3/issues/3111
        """
        sources = [*self.identity, *([self.boundary] if self.boundary else []), *self._of_resource()]
        known = self.context or {}
        keys = {key.lower(): key for it in reversed(sources) for key in context_keys(it.document)}
        return sorted(key for lowered, key in keys.items() if lowered not in known)


def context_keys(document: Document) -> Iterator[str]:
    """The condition keys and policy variables that a document asks about."""
    for statement in statements(document):
        patterns = [it for name in ("Resource", "NotResource") for it in listed(statement.get(name, []))]
        for keys in statement.get("Condition", {}).values():
            yield from keys
            patterns += [it for values in keys.values() for it in listed(values)]
        for pattern in patterns:
            yield from variables(str(pattern))


def template(action: str, resource: str) -> str:
    """The form of the ARNs that an action is about: known here of S3, of others "*"."""
    if not action.lower().startswith("s3:"):
        return EVERYTHING
    return S3_OBJECT if "/" in resource else S3_BUCKET


def positions(text: str) -> list[dict[str, dict[str, int]]]:
    """Where each statement begins and ends in a policy's text; lines and columns count from 1."""
    decoder = json.JSONDecoder()
    start = text.index("[" if _is_list(text) else "{", _after_key(text))
    if not _is_list(text):
        return [_span(text, start, decoder.raw_decode(text, start)[1])]
    spans, position = [], start
    while text[position] != "]":
        position = _skip(text, position + 1)
        end = decoder.raw_decode(text, position)[1]
        spans.append(_span(text, position, end))
        position = _skip(text, end)
    return spans


def _is_list(text: str) -> bool:
    return isinstance(json.loads(text)["Statement"], list)


def _after_key(text: str) -> int:
    return text.index(":", text.index('"Statement"'))


def _skip(text: str, position: int) -> int:
    while text[position].isspace():
        position += 1
    return position


def _span(text: str, start: int, end: int) -> dict[str, dict[str, int]]:
    return {"StartPosition": _place(text, start), "EndPosition": _place(text, end)}


def _place(text: str, position: int) -> dict[str, int]:
    return {"Line": text.count("\n", 0, position) + 1, "Column": position - text.rfind("\n", 0, position)}
