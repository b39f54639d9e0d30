"""CloudFormation: resource types and properties that ministack does not have."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from ministack.core.responses import get_account_id, get_region
from ministack.services import athena, dynamodb, eventbridge, iam, s3, waf
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

type Properties = dict[str, Any]
type Created = tuple[str, dict[str, Any]]


def _also(resource_type: str, settle: Callable[[str, Properties], None]) -> None:
    """Call `settle(physical id, properties)` after each creation and update of a `resource_type`."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        answer: Created = create(logical_id, properties, stack)
        settle(answer[0], properties)
        return answer

    def updated(physical_id: str, before: Properties, properties: Properties, stack: str, *more: Any) -> Created:
        answer: Created = update(physical_id, before, properties, stack, *more)
        settle(answer[0], properties)
        return answer

    handlers.update(create=created, update=updated)


def _accepted(answer: tuple[int, Any, bytes]) -> bytes:
    """Return the body of a service's answer. Raises ValueError, which fails the resource, if the service refused."""
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode("utf-8", "replace"))
    return body


def _done(answer: tuple[int, Any, bytes]) -> dict[str, Any]:
    """Return the JSON of a service's answer. Raises the same as `_accepted`."""
    members: dict[str, Any] = json.loads(_accepted(answer) or b"{}")
    return members


def pseudo_parameters_in_conditions() -> None:
    """Conditions may use pseudo parameters, such as the account of the stack.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
    """
    evaluate = engine._evaluate_conditions

    def evaluate_conditions(template: Properties, params: Properties) -> dict[str, bool]:
        pseudo = {"AWS::AccountId": get_account_id(), "AWS::Region": get_region(), "AWS::Partition": "aws"}
        known = {name: {"Value": value} for name, value in pseudo.items()}
        return dict(evaluate(template, {**params, **known}))

    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions


def role_boundary() -> None:
    """AWS::IAM::Role sets its PermissionsBoundary, which then limits the role.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
    """

    def settle(name: str, properties: Properties) -> None:
        boundary = properties.get("PermissionsBoundary")
        if boundary and iam._boundary_policy_error(boundary):
            message = f"The permissions boundary {boundary} does not exist."
            raise ValueError(message)
        iam._roles[name]["PermissionsBoundary"] = boundary

    _also("AWS::IAM::Role", settle)


def role_names_taken() -> None:
    """AWS::IAM::Role is not created over a role of the same name.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    create = handlers["create"]

    def create_new(logical_id: str, properties: Properties, stack: str) -> Created:
        name = properties.get("RoleName")
        if name in iam._roles:
            raise ValueError(f"Role with name {name} already exists.")
        created: Created = create(logical_id, properties, stack)
        return created

    handlers["create"] = create_new


def roles_with_policies_kept() -> None:
    """AWS::IAM::Role is not deleted while it has an inline policy that is not the template's.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    delete = handlers["delete"]

    def delete_empty(name: str, properties: Properties) -> None:
        own = {each["PolicyName"] for each in properties.get("Policies", [])}
        if name in iam._roles and iam._roles[name]["InlinePolicies"].keys() - own:
            raise ValueError("Cannot delete entity, must delete policies first.")
        delete(name, properties)

    handlers["delete"] = delete_empty


def global_tables_updated_in_place() -> None:
    """AWS::DynamoDB::GlobalTable is not replaced, unless its name, its keys or its local indexes change.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::GlobalTable"]
    update = handlers["update"]

    def update_in_place(physical_id: str, before: Properties, properties: Properties, stack: str) -> Created:
        # ministack takes a generated name for another one.
        answer: Created = update(physical_id, before, {"TableName": physical_id, **properties}, stack)
        return answer

    handlers["update"] = update_in_place


def stream_labels() -> None:
    """The label of a table's stream is a time without a zone.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Stream.html
    """
    for resource_type in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        handlers = provisioners._RESOURCE_HANDLERS[resource_type]
        handlers["create"] = _with_stream_label(handlers["create"])


def _with_stream_label(create: Callable[[str, Properties, str], Created]) -> Callable[[str, Properties, str], Created]:
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        name, attributes = create(logical_id, properties, stack)
        table = dynamodb._tables[name]
        if "StreamArn" in attributes:
            table["LatestStreamArn"] = attributes["StreamArn"] = attributes["StreamArn"].rstrip("Z")
            table["LatestStreamLabel"] = attributes["StreamArn"].rpartition("/")[2]
        return name, attributes

    return created


def table_settings() -> None:
    """AWS::DynamoDB::Table and GlobalTable set time to live, point-in-time recovery and the encryption key.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    """

    def settle(name: str, properties: Properties) -> None:
        replica: Properties = next(iter(properties.get("Replicas", [])), {})
        settings = {**properties, **replica}
        if ttl := settings.get("TimeToLiveSpecification"):
            _done(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl}))
        if recovery := settings.get("PointInTimeRecoverySpecification"):
            wish = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
            _done(dynamodb._update_continuous_backups(wish))
        if encryption := _table_encryption(properties, replica):
            _done(dynamodb._update_table({"TableName": name, "SSESpecification": encryption}))

    _also("AWS::DynamoDB::Table", settle)
    _also("AWS::DynamoDB::GlobalTable", settle)


def _table_encryption(properties: Properties, replica: Properties) -> Properties:
    """Return the encryption of either resource type in the form of UpdateTable."""
    wish = properties.get("SSESpecification") or {}
    if not wish:
        return {}
    key = wish.get("KMSMasterKeyId") or (replica.get("SSESpecification") or {}).get("KMSMasterKeyId")
    enabled = wish.get("SSEEnabled", wish.get("Enabled", False))
    return {"Enabled": enabled, "SSEType": wish.get("SSEType", "KMS"), **({"KMSMasterKeyId": key} if key else {})}


def bucket_lock() -> None:
    """AWS::S3::Bucket switches on Object Lock with its default retention. A locked bucket is versioned.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """

    def settle(name: str, properties: Properties) -> None:
        if properties.get("ObjectLockEnabled"):
            s3._bucket_versioning[name] = "Enabled"
            rule = (properties.get("ObjectLockConfiguration") or {}).get("Rule")
            wish = _xml("ObjectLockConfiguration", {"ObjectLockEnabled": "Enabled", "Rule": rule})
            _accepted(s3._put_object_lock_configuration(name, wish))

    _also("AWS::S3::Bucket", settle)


def _xml(name: str, value: Any) -> bytes:
    """Return `value` as the body of an S3 request. A list becomes one element for each item. None is left out."""
    return ET.tostring(_element(name, value))


def _element(name: str, value: Any) -> ET.Element:
    element = ET.Element(name)
    if not isinstance(value, dict):
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
        return element
    for member, content in value.items():
        for item in content if isinstance(content, list) else [content]:
            if item is not None:
                element.append(_element(member, item))
    return element


def named_query() -> None:
    """AWS::Athena::NamedQuery creates a named query.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-athena-namedquery.html
    """

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        query = _done(athena._create_named_query(properties))["NamedQueryId"]
        return query, {"NamedQueryId": query}

    def update(physical_id: str, _before: Properties, properties: Properties, stack: str) -> Created:
        delete(physical_id, properties)
        return create("", properties, stack)

    def delete(physical_id: str, _properties: Properties) -> None:
        athena._delete_named_query({"NamedQueryId": physical_id})

    provisioners._RESOURCE_HANDLERS["AWS::Athena::NamedQuery"] = {"create": create, "update": update, "delete": delete}


def event_bus_policy() -> None:
    """AWS::Events::EventBusPolicy creates a statement of a bus's policy.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html
    """

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        bus, sid = properties.get("EventBusName", "default"), properties["StatementId"]
        delete(f"{bus}|{sid}", properties)
        policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
        statement = {**properties["Statement"], "Sid": sid}
        eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*policy["Statement"], statement]}
        return f"{bus}|{sid}", {}

    def update(physical_id: str, before: Properties, properties: Properties, stack: str) -> Created:
        delete(physical_id, before)
        return create("", properties, stack)

    def delete(_physical_id: str, properties: Properties) -> None:
        bus = properties.get("EventBusName", "default")
        _done(eventbridge._remove_permission({"EventBusName": bus, "StatementId": properties["StatementId"]}))

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = handlers


def web_acl_association() -> None:
    """AWS::WAFv2::WebACLAssociation associates a web ACL.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-wafv2-webaclassociation.html
    """

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        _done(waf._associate_web_acl(properties))
        return f"{properties['WebACLArn']}|{properties['ResourceArn']}", {}

    def update(physical_id: str, before: Properties, properties: Properties, stack: str) -> Created:
        delete(physical_id, before)
        return create("", properties, stack)

    def delete(_physical_id: str, properties: Properties) -> None:
        waf._disassociate_web_acl(properties)

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::WAFv2::WebACLAssociation"] = handlers
