"""Alarms, dashboards and log groups.

moto has no alarms and cannot change a log group.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CloudWatch.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Logs.html
"""

from local.cloudformation.resources import Properties, ServiceResource


class Alarm(ServiceResource):
    """AWS::CloudWatch::Alarm. Ref is the name."""

    resource_type = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"

    def _put(self, properties: Properties) -> None:
        wanted = {**properties, "AlarmName": self.name, "Tags": self.tag_list(properties)}
        self.call("cloudwatch", "PutMetricAlarm", **wanted)

    def create(self) -> None:
        self._put(self.properties)
        self.physical_id = self.name
        place = self.place
        self.attributes = {"Arn": f"arn:aws:cloudwatch:{place.region}:{place.account_id}:alarm:{self.name}"}

    def update(self, properties: Properties) -> None:
        self._put(properties)

    def delete(self) -> None:
        self.call("cloudwatch", "DeleteAlarms", AlarmNames=[self.name])


class Dashboard(ServiceResource):
    """AWS::CloudWatch::Dashboard. Ref is the name."""

    resource_type = "AWS::CloudWatch::Dashboard"
    name_property = "DashboardName"

    def _put(self, properties: Properties) -> None:
        body = properties["DashboardBody"]
        self.call("cloudwatch", "PutDashboard", DashboardName=self.name, DashboardBody=body)

    def create(self) -> None:
        self._put(self.properties)
        self.physical_id = self.name

    def update(self, properties: Properties) -> None:
        self._put(properties)

    def delete(self) -> None:
        self.call("cloudwatch", "DeleteDashboards", DashboardNames=[self.name])


class LogGroup(ServiceResource):
    """AWS::Logs::LogGroup. Ref is the name."""

    resource_type = "AWS::Logs::LogGroup"
    name_property = "LogGroupName"
    immutable = frozenset({"LogGroupClass"})

    def create(self) -> None:
        wanted = {**self.properties, "logGroupName": self.name, "tags": self.tags_for(self.properties)}
        if "KmsKeyId" in self.properties:
            wanted["kmsKeyId"] = self.properties["KmsKeyId"]
        self.call("logs", "CreateLogGroup", **wanted)
        self.physical_id = self.name
        place = self.place
        self.attributes = {"Arn": f"arn:aws:logs:{place.region}:{place.account_id}:log-group:{self.name}:*"}
        self._apply_retention({}, self.properties)

    def _apply_retention(self, before: Properties, after: Properties) -> None:
        if before.get("RetentionInDays") == after.get("RetentionInDays"):
            return
        if "RetentionInDays" in after:
            days = after["RetentionInDays"]
            self.call("logs", "PutRetentionPolicy", logGroupName=self.name, retentionInDays=days)
        else:
            self.call("logs", "DeleteRetentionPolicy", logGroupName=self.name)

    def update(self, properties: Properties) -> None:
        self._apply_retention(self.properties, properties)
        arn = self.attributes["Arn"].removesuffix(":*")
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("logs", "UntagResource", resourceArn=arn, tagKeys=removed)
        if changed:
            self.call("logs", "TagResource", resourceArn=arn, tags=changed)

    def delete(self) -> None:
        self.call("logs", "DeleteLogGroup", logGroupName=self.name)
