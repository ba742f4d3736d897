"""Who may invoke Lambda functions, and what invokes them.

moto has no invoke configuration, deletes no permissions, and gives a function URL no resource type.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Lambda.html
"""

from local.account import current
from local.cloudformation.functions import unqualified
from local.cloudformation.resources import Properties, ServiceResource, generated_name

POLL_SECONDS = 0.02


class Permission(ServiceResource):
    """AWS::Lambda::Permission. Ref is the statement's id."""

    resource_type = "AWS::Lambda::Permission"
    immutable = frozenset(
        {
            "Action",
            "EventSourceToken",
            "FunctionName",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        }
    )

    def _target(self) -> Properties:
        name, qualifier = unqualified(self.properties["FunctionName"])
        return {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})

    def create(self) -> None:
        statement_id = generated_name(self.place, 100)
        wanted = {**self.properties, **self._target(), "StatementId": statement_id}
        self.call("lambda", "AddPermission", **wanted)
        self.physical_id = statement_id
        self.attributes = {"Id": statement_id}

    def update(self, properties: Properties) -> None:
        """Each property of a permission replaces it."""

    def delete(self) -> None:
        self.call("lambda", "RemovePermission", **self._target(), StatementId=self.physical_id)


class EventInvokeConfig(ServiceResource):
    """AWS::Lambda::EventInvokeConfig: retries and destinations of asynchronous invocations."""

    resource_type = "AWS::Lambda::EventInvokeConfig"
    immutable = frozenset({"FunctionName", "Qualifier"})

    def create(self) -> None:
        self.call("lambda", "PutFunctionEventInvokeConfig", **self.properties)
        self.physical_id = generated_name(self.place, 100)

    def update(self, properties: Properties) -> None:
        self.call("lambda", "PutFunctionEventInvokeConfig", **properties)

    def delete(self) -> None:
        self.call("lambda", "DeleteFunctionEventInvokeConfig", **self.properties)


class EventSourceMapping(ServiceResource):
    """AWS::Lambda::EventSourceMapping. Ref is its UUID."""

    resource_type = "AWS::Lambda::EventSourceMapping"
    immutable = frozenset({"EventSourceArn", "StartingPosition", "StartingPositionTimestamp"})

    def create(self) -> None:
        wanted = {**self.properties, "Tags": self.tags_for(self.properties)}
        created = self.call("lambda", "CreateEventSourceMapping", **wanted)
        self.physical_id = created["UUID"]
        self.attributes = {
            "Id": self.physical_id,
            "EventSourceMappingArn": created.get("EventSourceMappingArn"),
        }
        self._wait()

    def update(self, properties: Properties) -> None:
        self._wait()
        self.call("lambda", "UpdateEventSourceMapping", **{**properties, "UUID": self.physical_id})
        self._wait()

    def _wait(self) -> None:
        """A mapping that is being created or changed refuses every further change."""
        while self.call("lambda", "GetEventSourceMapping", UUID=self.physical_id)["State"].endswith("ing"):
            current().background.pause(POLL_SECONDS)

    def delete(self) -> None:
        self._wait()
        self.call("lambda", "DeleteEventSourceMapping", UUID=self.physical_id)


class Url(ServiceResource):
    """AWS::Lambda::Url. Ref is the ARN of the function."""

    resource_type = "AWS::Lambda::Url"
    immutable = frozenset({"TargetFunctionArn", "Qualifier"})

    def _specification(self, properties: Properties) -> Properties:
        return {**properties, "FunctionName": properties["TargetFunctionArn"]}

    def create(self) -> None:
        created = self.call("lambda", "CreateFunctionUrlConfig", **self._specification(self.properties))
        self.physical_id = created["FunctionArn"]
        self.attributes = {"FunctionArn": created["FunctionArn"], "FunctionUrl": created["FunctionUrl"]}

    def update(self, properties: Properties) -> None:
        self.call("lambda", "UpdateFunctionUrlConfig", **self._specification(properties))

    def delete(self) -> None:
        self.call("lambda", "DeleteFunctionUrlConfig", FunctionName=self.physical_id)
