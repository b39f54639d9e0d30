"""CodeDeploy: the resources of a template with canary deployments."""

from typing import Any

from ministack.services.cloudformation import engine, provisioners, stacks

type Properties = dict[str, Any]
type Created = tuple[str, dict[str, Any]]


def code_deploy_resources() -> None:
    """AWS::CodeDeploy::Application and DeploymentGroup are created.

    In the emulator, CloudFormation moves an alias to its new version at once, without a deployment group.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentgroup.html
    """
    for resource_type, name in (("Application", "ApplicationName"), ("DeploymentGroup", "DeploymentGroupName")):
        provisioners._RESOURCE_HANDLERS[f"AWS::CodeDeploy::{resource_type}"] = _handlers(name)


def update_policies_are_dependencies() -> None:
    """The references in a resource's UpdatePolicy are dependencies, as those in its properties are.

    So CloudFormation refuses an alias on which its own deployment group depends.
    https://github.com/aws/aws-cdk/issues/2231
    """
    dependencies = engine._extract_deps

    def extract_deps(resource: Properties, names: set[str]) -> set[str]:
        policy = {"Properties": resource.get("UpdatePolicy", {})}
        return set(dependencies(resource, names) | dependencies(policy, names))

    for module in (engine, stacks):
        module._extract_deps = extract_deps


def _handlers(name: str) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, _stack: str) -> Created:
        return properties.get(name, logical_id), {}

    def update(physical_id: str, _before: Properties, properties: Properties, _stack: str, *_more: Any) -> Created:
        return properties.get(name, physical_id), {}

    def delete(_physical_id: str, _properties: Properties) -> None:
        return None

    return {"create": create, "update": update, "delete": delete}
