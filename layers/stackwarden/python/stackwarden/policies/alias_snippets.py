"""How each tool declares an alias and what invokes it: snippets to paste, with the real names. Pure.

- SAM: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
- CloudFormation publishes once for each logical id of an AWS::Lambda::Version:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
- Serverless Framework makes an alias only with provisionedConcurrency or snapStart:
  https://www.serverless.com/framework/docs/providers/aws/guide/functions
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from stackwarden.policies.alias_declarations import label, of_cdk, of_cloudformation, of_terraform, where
from stackwarden.policies.alias_state import Function, Invoker, Kind, Permission
from stackwarden.policies.alias_steps import needed
from stackwarden.policies.alias_words import plain

SAM, CLOUDFORMATION, SERVERLESS = "SAM", "CloudFormation", "Serverless Framework"
CDK, TERRAFORM = "CDK", "Terraform"
TOOLS: Final = (SAM, CLOUDFORMATION, SERVERLESS, CDK, TERRAFORM)
_MOST_PERMISSIONS: Final = 2
_LINES_OF_PERMISSION: Final = 3
_LONGEST_LINE: Final = 500  # a report cuts a line at 600
_OTHER_NAMES: Final = ("current", "released", "stable")
_YAML_WORDS: Final = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
_NOT_BY_PLUGIN: Final = (
    Kind.SCHEDULE,
    Kind.PIPE,
    Kind.STATE_MACHINE,
    Kind.FUNCTION_URL,
    Kind.USER_POOL,
    Kind.PERMISSION,
)
_STREAMS: Final = (":kinesis:", ":dynamodb:", ":kafka:")


def declared_name(function: Function, alias_name: str, made: bool) -> str:
    """Return the alias's name for a template: another one than an alias that Stackwarden has made.

    CloudFormation cannot create what is there already, and taking it away first would stop the traffic.
    """
    if not made:
        return alias_name
    return next((n for n in _OTHER_NAMES if n not in {alias_name, *function.aliases}), f"{alias_name}2")


def snippets(
    function: Function, triggers: Sequence[Invoker], alias_name: str, made: bool = False
) -> dict[str, str]:
    """Return a snippet by tool. triggers: what is to name the alias; made: whether Stackwarden made it."""
    declared = declared_name(function, alias_name, made)
    return {
        SAM: _sam(function, triggers, declared),
        CLOUDFORMATION: _cloudformation(function, triggers, declared),
        SERVERLESS: _serverless(function, triggers, declared),
        CDK: _cdk(function, triggers, declared),
        TERRAFORM: _terraform(function, triggers, alias_name, alias_name in function.aliases),
    }


def hints(function: Function, alias_name: str, made: bool = False) -> dict[str, str]:
    """Return one line by tool: enough for those who know it."""
    declared = declared_name(function, alias_name, made)
    return {
        SAM: f"AutoPublishAlias: {_yaml(declared)}",
        CLOUDFORMATION: f"AWS::Lambda::Version, AWS::Lambda::Alias {declared}, its !Ref in what invokes",
        SERVERLESS: "serverless-plugin-canary-deployments, "
        f"deploymentSettings: {{type: AllAtOnce, alias: {_yaml(declared)}}}",
        CDK: f"new lambda.Alias(..., {{ aliasName: '{declared}', version: fn.currentVersion }}) for fn",
        TERRAFORM: f"publish = true, aws_lambda_alias {alias_name} on .version, its arn in what invokes",
    }


def _sam(function: Function, triggers: Sequence[Invoker], alias: str) -> str:
    me = _logical_id(function)
    lines = [
        f"{me}:",
        "  Type: AWS::Serverless::Function",
        "  Properties:",
        f"    AutoPublishAlias: {_yaml(alias)}  # what is declared below Events uses it by itself",
        "# AutoPublishAliasAllProperties: true  # to publish changes of settings alone, too",
        "# What is declared elsewhere:",
        *where(triggers, of_cloudformation(f"!Ref {me}.Alias", f"{me}.Alias")),
    ]
    if _permitted(function, triggers):
        lines.append(f"# AWS::Lambda::Permission elsewhere:  FunctionName: !Ref {me}.Alias")
    return "\n".join(lines)


def _cloudformation(function: Function, triggers: Sequence[Invoker], alias: str) -> str:
    me = _logical_id(function)
    version = f"FunctionVersion: !GetAtt {me}Version1.Version"
    return "\n".join(
        [
            f"{me}Version1:  # give it a new logical id at each deployment: only then it publishes",
            "  Type: AWS::Lambda::Version",
            "  DeletionPolicy: Retain",
            f"  Properties: {{FunctionName: !Ref {me}}}",
            f"{me}Alias:",
            "  Type: AWS::Lambda::Alias",
            f"  Properties: {{FunctionName: !Ref {me}, {version}, Name: {_yaml(alias)}}}",
            *_permissions(function, triggers, me),
            *where(triggers, of_cloudformation(f"!Ref {me}Alias", f"{me}Alias")),
        ]
    )


def _permitted(function: Function, triggers: Sequence[Invoker]) -> tuple[Permission, ...]:
    """Return what lets the triggers in, wherever they point now."""
    return needed(function, [replace(invoker, qualifier=None) for invoker in triggers])


def _permissions(function: Function, triggers: Sequence[Invoker], me: str) -> list[str]:
    """Say what lets triggers in: an alias has a policy of its own."""
    wanted = _permitted(function, triggers)
    lines: list[str] = []
    for permission in wanted:
        pairs = [f"FunctionName: !Ref {me}Alias"]
        pairs += [f"{key}: {json.dumps(value)}" for key, value in permission.parameters.items()]
        line = f"  Properties: {{{', '.join(pairs)}}}"
        if len(line) <= _LONGEST_LINE:
            name = f"{me}AliasPermission{len(lines) // _LINES_OF_PERMISSION + 1}"
            lines += [f"{name}:", "  Type: AWS::Lambda::Permission", line]
    told = lines[: _MOST_PERMISSIONS * _LINES_OF_PERMISSION]
    more = len(wanted) - len(told) // _LINES_OF_PERMISSION
    return [*told, f"# and {more} more AWS::Lambda::Permission"] if more > 0 else told


def _serverless(function: Function, triggers: Sequence[Invoker], alias: str) -> str:
    lines = [
        "plugins:",
        "  - serverless-plugin-canary-deployments  # the framework has no such alias by itself",
        "functions:",
        f"  {_serverless_key(function)}:  # the function {plain(function.name)}",
        f"    deploymentSettings: {{type: AllAtOnce, alias: {_yaml(alias)}}}",
        "# The plugin moves events of this file (not S3 with existing: true): look at the packaged template.",
    ]
    others = [invoker for invoker in triggers if invoker.kind in _NOT_BY_PLUGIN]
    if others:
        logical_id = f"{_normalized(_serverless_key(function))}LambdaFunctionAlias{alias}"
        lines += ["# These it does not move; under resources:"]
        lines += where(others, of_cloudformation(f"!Ref {logical_id}", logical_id))
    return "\n".join(lines)


def _serverless_key(function: Function) -> str:
    """Find the key below `functions`: the name is `service-stage-key`, the logical id made of the key."""
    made = _logical_id(function).removesuffix("LambdaFunction")
    parts = function.name.split("-")
    suffixes = ("-".join(parts[start:]) for start in range(len(parts)))
    fallback = f"{made[:1].lower()}{made[1:]}"
    return next((key for key in suffixes if _normalized(key) == made), fallback)


def _normalized(key: str) -> str:
    """Spell a key as the framework does in logical ids."""
    return f"{key[:1].upper()}{key[1:]}".replace("-", "Dash").replace("_", "Underscore")


def _cdk(function: Function, triggers: Sequence[Invoker], alias: str) -> str:
    made = f"{{ aliasName: {json.dumps(alias)}, version: fn.currentVersion }}"
    lines = [
        f"// fn is the lambda.Function of {plain(function.name)}",
        f"const live = new lambda.Alias(this, '{_logical_name(function.name)}Alias', {made});",
        *where(triggers, of_cdk, "//"),
    ]
    if any(part in invoker.source for invoker in triggers for part in _STREAMS):
        lines.append("// The alias gets a mapping of its own: a stream is read from startingPosition again.")
    return "\n".join(lines)


def _terraform(function: Function, triggers: Sequence[Invoker], alias: str, exists: bool) -> str:
    me, name = label(function.name), label(alias)
    lines = [
        f'resource "aws_lambda_function" "{me}" {{',
        "  publish = true  # besides what it has",
        "}",
        f'resource "aws_lambda_alias" "{name}" {{',
        f"  name             = {json.dumps(alias)}",
        f"  function_name    = aws_lambda_function.{me}.function_name",
        f"  function_version = aws_lambda_function.{me}.version",
        "}",
        *where(triggers, of_terraform(f"aws_lambda_alias.{name}")),
    ]
    if _permitted(function, triggers):
        lines.append(f"# a further aws_lambda_permission:  qualifier = aws_lambda_alias.{name}.name")
    if exists:
        id_ = f"{plain(function.name)}/{alias}"
        lines.insert(0, f"# it is there:  terraform import aws_lambda_alias.{name} {id_}")
    return "\n".join(lines)


def _logical_id(function: Function) -> str:
    given = function.stack.logical_id if function.stack else ""
    return given if re.fullmatch("[A-Za-z0-9]+", given) else _logical_name(function.name)


def _logical_name(name: str) -> str:
    return "".join(f"{part[0].upper()}{part[1:]}" for part in re.findall("[A-Za-z0-9]+", name)) or "Function"


def _yaml(text: str) -> str:
    safe = re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", text) and text.lower() not in _YAML_WORDS
    return text if safe else json.dumps(text)
