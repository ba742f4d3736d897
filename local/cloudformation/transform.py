"""The transform AWS::Serverless-2016-10-31, with the translator that AWS itself runs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-serverless.html
"""

import copy
import json
import threading
from functools import cache
from typing import Any

import boto3
from moto.cloudformation.exceptions import ValidationError
from moto.iam.aws_managed_policies import aws_managed_policies_data
from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template  # type: ignore[import-untyped]

from local.cloudformation.template import Document

SERVERLESS = "AWS::Serverless-2016-10-31"
HARMLESS = "AWS::LanguageExtensions"  # Fn::ToJsonString and Fn::Length are evaluated anyway
_one_at_a_time = threading.Lock()  # the translator keeps its Region in a class attribute


def names_of(document: Document) -> list[str]:
    """The transforms that a template declares."""
    declared = document.get("Transform") or []
    return [declared] if isinstance(declared, str) else list(declared)


def processed(document: Document, parameters: dict[str, Any], *, region: str) -> Document:
    """The template after its transforms. Raises ValidationError."""
    declared = names_of(document)
    unknown = sorted(set(declared) - {SERVERLESS, HARMLESS})
    if unknown:
        raise ValidationError(message=f"No transform named {unknown[0]} found.")
    result = copy.deepcopy(document)
    if SERVERLESS in declared:
        result = _translated(result, dict(parameters), region)
    result.pop("Transform", None)
    return result


def _translated(document: Document, parameters: dict[str, Any], region: str) -> Document:
    session = boto3.Session("cloudformation", "cloudformation", region_name=region)  # makes no calls
    with _one_at_a_time:
        to_py27_compatible_template(document, parameters)
        translator = Translator(None, Parser(), boto_session=session)
        try:
            translated = translator.translate(
                document, parameter_values=parameters, get_managed_policy_map=managed_policies
            )
        except InvalidDocumentException as invalid:
            causes = " ".join(cause.message for cause in invalid.causes)
            raise ValidationError(
                message=f"Transform {SERVERLESS} failed with: {invalid.message} {causes}".strip()
            ) from invalid
        finally:
            translator.metrics.publish()  # to nobody; it warns of those that are not
    plain: Document = undo_mark_unicode_str_in_template(translated)
    return plain


@cache
def managed_policies() -> dict[str, str]:
    """AWS managed policies by name: a function's `Policies` may name one."""
    catalogue: dict[str, dict[str, str]] = json.loads(aws_managed_policies_data)
    return {name: policy["Arn"] for name, policy in catalogue.items()}
