"""CloudFormation stacks that tell of every resource and roll back, as the real ones do; moto's tell of the stack alone, and
a resource that fails makes CreateStack itself fail and leaves the stack in CREATE_IN_PROGRESS for ever.

Still moto's: CreateStack answers when everything is done, and resources are made one after the other. What takes time is
`life.rs`'s."""

import json
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.models import Event, Stack, cloudformation_backends
from moto.cloudformation.parsing import OutputMap, ResourceMap, parse_resource_and_generate_name
from moto.utilities.utils import get_partition

# "AWS::URLSuffix" in the CloudFormation Template Reference, "Pseudo parameters".
URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}

# How a resource's error reads that a service has answered with.
HANDLER_SAID = (
    'Resource handler returned message: "{message} (Service: {service}, Status Code: 400, Request ID: {id})" '
    "(RequestToken: {id}, HandlerErrorCode: InvalidRequest)"
)
NO_ID = "00000000-0000-0000-0000-000000000000"


def install() -> None:
    """From now on, CreateStack makes our stacks."""
    models.Stack = TellingStack


class ResourceFailed(Exception):
    """A resource could not be made; its stack has told why."""

    def __init__(self, logical_id: str):
        super().__init__(logical_id)
        self.logical_id = logical_id


class TellingResources(ResourceMap):
    """A stack's resources. To look one up is to make it, and first whatever it refers to: that is moto's way."""

    def __init__(self, stack: Stack):
        super().__init__(
            stack.stack_id,
            stack.name,
            stack.parameters,
            stack.tags,
            account_id=stack.account_id,
            region_name=stack.region_name,
            template=stack.template_dict,
            cross_stack_resources=stack.cross_stack_resources,
        )
        self.stack = stack
        self.made: list[str] = []
        # moto says `aws` in every region.
        partition = get_partition(stack.region_name)
        suffix = URL_SUFFIXES.get(partition, "amazonaws.com")
        self._parsed_resources.update({"AWS::Partition": partition, "AWS::URLSuffix": suffix})

    def __getitem__(self, key: str) -> Any:
        if key not in self._parsed_resources and key in self._resource_json_map:
            self._make(key, self._resource_json_map[key])
        return self._parsed_resources[key]

    def _make(self, logical_id: str, definition: dict[str, Any]) -> None:
        kind = definition["Type"]
        # Makes what it refers to.
        model, resolved, name = parse_resource_and_generate_name(logical_id, definition, self)
        self.stack.tell(logical_id, kind, "CREATE_IN_PROGRESS")
        context = {"LogicalId": logical_id, "StackId": self.stack_id, "ResourceType": kind}
        try:
            resource = model.create_from_cloudformation_json(
                name, resolved, self._account_id, self._region_name, **context
            )
        except Exception as error:
            self.stack.tell(logical_id, kind, "CREATE_FAILED", reason=in_words(kind, error))
            raise ResourceFailed(logical_id) from error
        resource.cf_resource_type = kind
        resource.logical_resource_id = logical_id
        self._parsed_resources[logical_id] = resource
        self.made.append(logical_id)
        physical_id = resource.physical_resource_id
        self.stack.tell(logical_id, kind, "CREATE_IN_PROGRESS", physical_id, "Resource creation Initiated")
        self.stack.tell(logical_id, kind, "CREATE_COMPLETE", physical_id)

    def delete(self) -> None:
        """Deletes in the reverse order, and goes on where moto can't: it knows dependencies that AWS has not."""
        for logical_id in reversed(self.made):
            resource = self._parsed_resources.pop(logical_id)
            kind, physical_id = resource.cf_resource_type, resource.physical_resource_id
            self.stack.tell(logical_id, kind, "DELETE_IN_PROGRESS", physical_id)
            try:
                self._delete_resource(resource, self._resource_json_map[logical_id])
            except Exception as error:
                print(f"moto can't delete {logical_id}: {error}")
            self.stack.tell(logical_id, kind, "DELETE_COMPLETE", physical_id)
        self.made.clear()
        # To look one up would make it again.
        self._resource_json_map = {}


class TellingStack(Stack):
    """A stack with an event for whatever happens to a resource."""

    def _create_resource_map(self) -> ResourceMap:
        resources = TellingResources(self)
        resources.load()
        return resources

    @property
    def exports(self) -> list[Any]:
        # moto asks before it makes the resources, which would make some of them there and then.
        return self.output_map.exports if self.status == "CREATE_COMPLETE" else []

    def create_resources(self) -> None:
        try:
            super().create_resources()
        except ResourceFailed as failure:
            self._roll_back(failure.logical_id)
            return
        backend = cloudformation_backends[self.account_id][self.region_name]
        backend.exports.update({export.name: export for export in self.exports})

    def _roll_back(self, failed: str) -> None:
        self.status = "ROLLBACK_IN_PROGRESS"
        reason = f"The following resource(s) failed to create: [{failed}]. Rollback requested by user."
        self._add_stack_event(self.status, resource_status_reason=reason)
        self.resource_map.delete()
        # Its outputs would be made of resources that are gone.
        self.output_map = OutputMap(self.resource_map, {}, self.stack_id)
        self.status = "ROLLBACK_COMPLETE"
        self._add_stack_event(self.status)

    def tell(
        self, logical_id: str, kind: str, status: str, physical_id: str = "", reason: str | None = None
    ) -> None:
        """Adds an event of a resource."""
        event = Event(
            stack_id=self.stack_id,
            stack_name=self.name,
            logical_resource_id=logical_id,
            physical_resource_id=physical_id,
            resource_type=kind,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
        self.events.append(event)


def in_words(kind: str, error: Exception) -> str:
    """What CloudFormation would say: a service's answer in a frame of its own."""
    message = getattr(error, "description", None) or str(error)
    try:
        # moto's EKS keeps its message in JSON.
        message = json.loads(message)["message"]
    except (KeyError, TypeError, ValueError):
        pass
    service = kind.split("::")[1].capitalize()
    return HANDLER_SAID.format(message=message, service=service, id=NO_ID)
