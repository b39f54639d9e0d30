"""A parameter that names a resource yields its ARN, or the call is refused. It never yields every resource."""

from collections.abc import Iterator
from typing import Any

import pytest

from jitney.core.calls.arns import MAX_ARNS, fill_template
from jitney.core.calls.call import AwsCall
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.named_resources import MOST_NAMES, resources_of
from jitney.core.calls.operations import Operation, Parameter, RequiredAction
from jitney.core.calls.templates import name_parameters, templates_of
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.cpu_time import within_cpu_seconds
from tests.examples import sample

VALUES = {
    "an ARN of another service": "arn:aws:mobiletargeting:eu-west-1:444455556666:apps/0123",
    "an ARN of another account": "arn:aws:sns:eu-west-1:999999999999:topic",
    "an ARN without parts": "arn:aws:sns",
    "an access point": "arn:aws:s3:eu-west-1:444455556666:accesspoint/x",
    "a malformed value": "a b%c",
    "an empty value": "",
}


def naming() -> Iterator[tuple[Operation, RequiredAction, Parameter]]:
    """Yield every operation of the table with each parameter that names a resource of each of its actions."""
    for service in OPERATIONS.services():
        for name in OPERATIONS.service(service).names():
            operation = OPERATIONS.service(service).operation(name)
            for need in operation.needs:
                named = {each for template in templates_of(need) for each in name_parameters(template)}
                for member in operation.members:
                    if member.name in named:
                        yield operation, need, member


NAMING = list(naming())


def found(need: RequiredAction, parameters: dict[str, Any]) -> list[str] | None:
    """Return the resources; None when the call is refused."""
    try:
        return resources_of(need, parameters, PLACE)
    except Problem as problem:
        assert problem.code in {"call_invalid", "account_mismatch"}
        assert problem.fix
        return None


def test_pol_13_most_of_the_table_names_resources():
    assert len({(operation.service, operation.name) for operation, _, _ in NAMING}) > 3500


@pytest.mark.parametrize("kind", VALUES)
def test_pol_13_no_value_of_a_naming_parameter_requests_every_resource(kind: str):
    value = VALUES[kind]
    wide = []
    for operation, need, member in sample(NAMING):
        given = [value] if member.kind == "l" else value
        others = {each.name: "x1" for each in operation.members if each.required and each.kind == "s"}
        for parameters in ({member.name: given}, {**others, member.name: given}):
            resources = found(need, parameters)
            if resources is not None and (not resources or "*" in resources):
                wide.append((operation.service, operation.name, need.action, member.name))
    assert wide == []


@pytest.mark.parametrize("kind", ["an ARN of another service", "an ARN of another account", "an empty value"])
def test_pol_13_another_services_arn_is_never_read_as_a_name(kind: str):
    """Types that take ARNs of every service, such as tags, are the exception."""
    read = []
    for operation, need, member in sample(NAMING):
        given = [VALUES[kind]] if member.kind == "l" else VALUES[kind]
        if found(need, {member.name: given}) is not None:
            read.append((operation.service, operation.name, need.action, member.name))
    assert read == []


OTHERS = {
    "log-group:${name|log_group}": "arn:aws:logs:eu-west-1:999999999999:log-group:g",
    "key/${name|key_id}": "arn:aws:kms:eu-west-1:999999999999:alias/k",
    "secret:${name|secret}": "arn:aws:secretsmanager:eu-west-1:999999999999:secret:s",
}


@pytest.mark.parametrize("template", OTHERS)
def test_pol_13_a_name_in_another_account_is_not_read_as_one_of_the_targets(template: str):
    with pytest.raises(Problem, match="account_mismatch"):
        fill_template(f"arn:${{Partition}}:x:${{Region}}:${{Account}}:{template}", {"name": OTHERS[template]}, PLACE)


@pytest.mark.parametrize(
    ("line", "resource"),
    [
        ("rds reboot-db-instance --db-instance-identifier PROD-db", "rds:{}:db:prod-db"),
        ("rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier A", "rds:{}:cluster-snapshot:a"),
        ("rds list-tags-for-resource --resource-name arn:aws:rds:eu-west-1:444455556666:pg:A", "rds:{}:pg:a"),
        ("elasticache delete-cache-cluster --cache-cluster-id A", "elasticache:{}:cluster:a"),
        ("elasticache list-tags-for-resource --resource-name arn:aws:elasticache:eu-west-1:444455556666:user:A",
         "elasticache:{}:user:a"),
        ("redshift describe-cluster-parameters --parameter-group-name A", "redshift:{}:parametergroup:a"),
        ("dynamodb describe-table --table-name Orders", "dynamodb:{}:table/Orders"),
    ],
)  # fmt: skip
def test_pol_13_names_that_aws_stores_in_lower_case_are_so_in_arns(line: str, resource: str):
    (explained, *_) = explain_line(f"aws {line}", PLACE, OPERATIONS)
    assert explained.resources == (f"arn:aws:{resource.format('eu-west-1:444455556666')}",)


def test_pol_13_names_of_glue_are_the_same_in_capitals():
    """No document says in which form AWS authorizes them."""
    (given, *_) = explain_line("aws glue get-table --database-name D --name Pay", PLACE, OPERATIONS)
    names = ("database/D", "database/d", "catalog", "table/D/Pay", "table/d/pay")
    assert given.resources == tuple(f"arn:aws:glue:eu-west-1:444455556666:{each}" for each in names)
    (function, *_) = explain_line(
        "aws glue get-user-defined-function --database-name d --function-name F", PLACE, OPERATIONS
    )
    assert {"arn:aws:glue:eu-west-1:444455556666:userDefinedFunction/d/f"} <= set(function.resources)
    (job, *_) = explain_line("aws glue get-job --job-name J", PLACE, OPERATIONS)
    assert job.resources == ("arn:aws:glue:eu-west-1:444455556666:job/J",)


@pytest.mark.parametrize(
    ("line", "given", "lower"),
    [
        ("describe-labeling-job --labeling-job-name Pay-Q3", "labeling-job/Pay-Q3", "labeling-job/pay-q3"),
        ("describe-user-profile --domain-id d-1 --user-profile-name Al", "user-profile/d-1/Al", "user-profile/d-1/al"),
        ("describe-app --domain-id d-1 --user-profile-name Al --app-type JupyterLab --app-name A",
         "app/d-1/Al/JupyterLab/A", "app/d-1/al/jupyterlab/a"),
        ("describe-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name P", "hyper-parameter-tuning-job/P",
         "hyper-parameter-tuning-job/p"),
        ("describe-auto-ml-job --auto-ml-job-name P", "automl-job/P", "automl-job/p"),
        ("describe-experiment --experiment-name P", "experiment/P", "experiment/p"),
        ("describe-trial --trial-name P", "experiment-trial/P", "experiment-trial/p"),
        ("describe-trial-component --trial-component-name P", "experiment-trial-component/P",
         "experiment-trial-component/p"),
    ],
)  # fmt: skip
def test_pol_13_names_of_sagemaker_are_the_same_in_capitals(line: str, given: str, lower: str):
    """No document says in which form AWS authorizes them."""
    (explained, *_) = explain_line(f"aws sagemaker {line}", PLACE, OPERATIONS)
    assert explained.resources == tuple(f"arn:aws:sagemaker:eu-west-1:444455556666:{each}" for each in (given, lower))
    (again, *_) = explain_line(f"aws sagemaker {line}".lower(), PLACE, OPERATIONS)
    assert again.resources == (f"arn:aws:sagemaker:eu-west-1:444455556666:{lower}",)


def test_pol_13_one_list_with_one_unknown_name_is_refused():
    with pytest.raises(Problem):
        call("sqs", "PurgeQueue", QueueUrl="jobs")
    with pytest.raises(Problem):
        call("rds", "AddTagsToResource", ResourceName="db", Tags=[])
    with pytest.raises(Problem):
        call("ec2", "CreateTags", Resources=["i-0a", "jobs"], Tags=[])


def test_pol_13_a_refusal_says_what_the_parameter_expects():
    with pytest.raises(Problem) as raised:
        call("sqs", "PurgeQueue", QueueUrl="jobs")
    assert raised.value.code == "call_invalid"
    assert raised.value.extras == {
        "parameter": "QueueUrl",
        "expected": [
            "https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE",
            "arn:aws:sqs:eu-west-1:444455556666:{QueueUrl}",
        ],
    }
    with pytest.raises(Problem) as raised:
        call("dynamodb", "Scan", TableName="")
    assert raised.value.extras == {"parameter": "TableName"}


def call(service: str, name: str, **parameters: Any) -> Any:
    operation = OPERATIONS.service(service).operation(name)
    return explain_call(AwsCall(operation, parameters), PLACE)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": f"reports/b{'?versionId=' * 100_000} z"}),
        ("ec2", "TerminateInstances", {"InstanceIds": ["x"] * 100_000}),
        ("ssm", "GetParameters", {"Names": ["arn:x"] * 100_000}),
    ],
    ids=["a copy", "instances", "parameters"],
)
def test_gw_12_large_parameters_take_linear_time(service, operation, parameters):
    with within_cpu_seconds(1), pytest.raises(Problem):
        explain_call(AwsCall(OPERATIONS.service(service).operation(operation), parameters), PLACE)


def test_gw_12_too_many_names_are_refused_before_an_arn_is_made_of_each():
    with pytest.raises(Problem) as refused:
        call("ec2", "TerminateInstances", InstanceIds=[f"i-{number:017x}" for number in range(MOST_NAMES + 1)])
    assert f"more than {MOST_NAMES} resources" in refused.value.detail


def test_pol_13_resources_of_several_types_count_together():
    few = {"WindowId": [f"mw-{number}" for number in range(MAX_ARNS // 2)]}
    targets = [f"t-{number}" for number in range(MAX_ARNS // 2 + 1)]
    with pytest.raises(Problem) as raised:
        call("ssm", "DeregisterTargetFromMaintenanceWindow", **few, WindowTargetId=targets)
    assert raised.value.detail == f"The call names more than {MAX_ARNS} resources."
    call("ssm", "DeregisterTargetFromMaintenanceWindow", **few, WindowTargetId=targets[1:])
