"""Where each tool declares what invokes a function, and what stands there to name an alias. Pure.

It is said as comments: only its owner knows where in a template something is declared.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.policies.alias_words import source

type Said = Callable[[Invoker], tuple[str, str]]  # the resource, and its line

_MOST_NAMED: Final = 4
_LONGEST_LINE: Final = 500  # a report cuts a line at 600
_INTEGRATION: Final = (
    '!Sub "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{id}}}'
    '/invocations"'
)
_CLOUDFORMATION: Final = {  # resource, property; {ref} is the alias's ARN, {id} what Fn::Sub calls it
    Kind.MAPPING: ("AWS::Lambda::EventSourceMapping", "FunctionName: {ref}"),
    Kind.BUCKET: ("LambdaConfigurations of AWS::S3::Bucket", "Function: {ref}"),
    Kind.TOPIC: ("AWS::SNS::Subscription", "Endpoint: {ref}"),
    Kind.RULE: ("Targets of AWS::Events::Rule", "Arn: {ref}"),
    Kind.SCHEDULE: ("Target of AWS::Scheduler::Schedule", "Arn: {ref}"),
    Kind.PIPE: ("AWS::Pipes::Pipe", "{part}: {ref}"),
    Kind.STATE_MACHINE: ("DefinitionSubstitutions of AWS::StepFunctions::StateMachine", "FunctionArn: {ref}"),
    Kind.REST_API: ("Integration of AWS::ApiGateway::Method", f"Uri: {_INTEGRATION}  # and a new Deployment"),
    Kind.HTTP_API: ("AWS::ApiGatewayV2::Integration", f"IntegrationUri: {_INTEGRATION}"),
    Kind.FUNCTION_URL: ("AWS::Lambda::Url", "TargetFunctionArn: {ref}  # a new URL"),
    Kind.TARGET_GROUP: ("Targets of AWS::ElasticLoadBalancingV2::TargetGroup", "Id: {ref}"),
    Kind.LOG_GROUP: ("AWS::Logs::SubscriptionFilter", "DestinationArn: {ref}"),
    Kind.USER_POOL: ("LambdaConfig of AWS::Cognito::UserPool", "{part}: {ref}"),
    Kind.IOT_RULE: ("Lambda action of AWS::IoT::TopicRule", "FunctionArn: {ref}"),
    Kind.PERMISSION: ("what names the function there", "{ref}"),
}
_TERRAFORM: Final = {
    Kind.MAPPING: ("aws_lambda_event_source_mapping", "function_name = {ref}.arn"),
    Kind.BUCKET: ("aws_s3_bucket_notification", "lambda_function_arn = {ref}.arn"),
    Kind.TOPIC: ("aws_sns_topic_subscription", "endpoint = {ref}.arn"),
    Kind.RULE: ("aws_cloudwatch_event_target", "arn = {ref}.arn"),
    Kind.SCHEDULE: ("target of aws_scheduler_schedule", "arn = {ref}.arn"),
    Kind.PIPE: ("aws_pipes_pipe", "{part} = {ref}.arn"),
    Kind.STATE_MACHINE: ("definition of aws_sfn_state_machine", "{ref}.arn"),
    Kind.REST_API: ("aws_api_gateway_integration", "uri = {ref}.invoke_arn  # and a new deployment"),
    Kind.HTTP_API: ("aws_apigatewayv2_integration", "integration_uri = {ref}.invoke_arn"),
    Kind.FUNCTION_URL: ("aws_lambda_function_url", "qualifier = {ref}.name  # a new URL"),
    Kind.TARGET_GROUP: ("aws_lb_target_group_attachment", "target_id = {ref}.arn"),
    Kind.LOG_GROUP: ("aws_cloudwatch_log_subscription_filter", "destination_arn = {ref}.arn"),
    Kind.USER_POOL: ("lambda_config of aws_cognito_user_pool", "{part} = {ref}.arn"),
    Kind.IOT_RULE: ("lambda of aws_iot_topic_rule", "function_arn = {ref}.arn"),
    Kind.PERMISSION: ("what names the function there", "{ref}.arn"),
}
_CDK: Final = {
    Kind.MAPPING: "live.addEventSource(...) instead of fn.addEventSource(...)",
    Kind.BUCKET: "new s3n.LambdaDestination(live)",
    Kind.TOPIC: "new subscriptions.LambdaSubscription(live)",
    Kind.RULE: "new targets.LambdaFunction(live)",
    Kind.SCHEDULE: "new targets.LambdaInvoke(live)",
    Kind.PIPE: "live instead of fn",
    Kind.STATE_MACHINE: "new tasks.LambdaInvoke(this, '...', { lambdaFunction: live })",
    Kind.REST_API: "new apigateway.LambdaIntegration(live)",
    Kind.HTTP_API: "new integrations.HttpLambdaIntegration('...', live)",
    Kind.FUNCTION_URL: "live.addFunctionUrl(...), which is a new URL",
    Kind.TARGET_GROUP: "new targets.LambdaTarget(live)",
    Kind.LOG_GROUP: "new destinations.LambdaDestination(live)",
    Kind.USER_POOL: "live as the trigger",
    Kind.IOT_RULE: "live.functionArn",
    Kind.PERMISSION: "live.functionArn, and live.addPermission(...)",
}


def of_cloudformation(ref: str, logical_id: str) -> Said:
    """Say it for CloudFormation and what is made of it. logical_id: the alias's within Fn::Sub."""

    def said(invoker: Invoker) -> tuple[str, str]:
        resource, line = _CLOUDFORMATION[invoker.kind]
        return resource, line.format(ref=ref, id=logical_id, part=label(invoker.id, keep_case=True))

    return said


def of_terraform(ref: str) -> Said:
    """Say it for Terraform. ref: the alias's resource."""

    def said(invoker: Invoker) -> tuple[str, str]:
        resource, line = _TERRAFORM[invoker.kind]
        return resource, line.format(ref=ref, part=label(re.sub("(?<=[a-z])(?=[A-Z])", "_", invoker.id)))

    return said


def of_cdk(invoker: Invoker) -> tuple[str, str]:
    """Say it for the CDK, in TypeScript."""
    return "", _CDK[invoker.kind]


def where(triggers: Iterable[Invoker], said: Said, mark: str = "#") -> list[str]:
    """Tell for each trigger where it is declared, and what stands there from now on."""
    lines: list[str] = []
    for invoker in triggers:
        if invoker.kind is not Kind.PEOPLE:
            resource, line = said(invoker)
            place = f"{resource} of {source(invoker)}" if resource else source(invoker)
            lines.append(f"{mark} {place}:  {line}")
    each = list(dict.fromkeys(lines))
    told = [line for line in each if len(line) <= _LONGEST_LINE][:_MOST_NAMED]
    more = len(each) - len(told)
    return [*told, f"{mark} and {more} more"] if more else told


def label(name: str, keep_case: bool = False) -> str:
    """Return a name as an identifier."""
    text = re.sub("[^A-Za-z0-9]+", "_", name).strip("_") or "this"
    text = text if text[0].isalpha() else f"_{text}"
    return text if keep_case else text.lower()
