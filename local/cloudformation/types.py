"""The resource types that this package makes itself; any other type is moto's, or nobody's."""

from typing import Any

from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.parsing import get_model_map

from local.cloudformation.buckets import Bucket, BucketPolicy
from local.cloudformation.databases import DBCluster, DBInstance
from local.cloudformation.delivery import (
    DeliveryStream,
    EventBus,
    EventBusPolicy,
    Rule,
    Schedule,
    ScheduleGroup,
)
from local.cloudformation.functions import Alias, Function, LayerVersion, Version
from local.cloudformation.iam import ManagedPolicy, Policy, Role
from local.cloudformation.invocation import EventInvokeConfig, EventSourceMapping, Permission, Url
from local.cloudformation.messaging import Queue, QueuePolicy, Subscription, Topic, TopicPolicy
from local.cloudformation.moto import MotoResource
from local.cloudformation.nested import NestedStack
from local.cloudformation.observability import Alarm, Dashboard, LogGroup
from local.cloudformation.resources import (
    Place,
    Properties,
    Resource,
    ServiceResource,
    UnsupportedResourceType,
)
from local.cloudformation.storage import Parameter, Stream
from local.cloudformation.tables import GlobalTable, Table
from local.cloudformation.workflows import StateMachine, WaitConditionHandle

_CLASSES: tuple[type[ServiceResource], ...] = (
    NestedStack,
    Table,
    GlobalTable,
    Function,
    Version,
    Alias,
    Permission,
    LayerVersion,
    EventInvokeConfig,
    EventSourceMapping,
    Url,
    Role,
    ManagedPolicy,
    Policy,
    Topic,
    TopicPolicy,
    Subscription,
    Queue,
    QueuePolicy,
    Rule,
    EventBus,
    EventBusPolicy,
    Schedule,
    ScheduleGroup,
    DeliveryStream,
    Alarm,
    Dashboard,
    LogGroup,
    Bucket,
    BucketPolicy,
    Stream,
    Parameter,
    DBInstance,
    DBCluster,
    StateMachine,
    WaitConditionHandle,
)

RESOURCE_TYPES = {model.resource_type: model for model in _CLASSES}


def new_resource(resource_type: str, place: Place, properties: Properties) -> Resource:
    """Raises UnsupportedResourceType."""
    if resource_type in RESOURCE_TYPES:
        return RESOURCE_TYPES[resource_type](place, properties)
    model: Any = CustomModel if resource_type.startswith("Custom::") else get_model_map().get(resource_type)
    if model is None:
        raise UnsupportedResourceType(f"The local account cannot make resources of type {resource_type}")
    return MotoResource(model, resource_type, place, properties)
