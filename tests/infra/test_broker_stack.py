"""What the broker's template must contain."""

import hashlib
import json
from fnmatch import fnmatchcase

import pytest

from infra.api import REFUSALS
from infra.function_specs import SPECS
from infra.spec import ALL_FUNCTIONS, BURST, REQUESTS_PER_SECOND, grown
from jitney.adapters import upstream
from jitney.adapters.aws_clients import DEFAULT_CONFIG
from jitney.adapters.sent_messages import KEEP_SENT_SECONDS
from jitney.adapters.trail import CALL_RETENTION_SECONDS
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.adapters.vote_history import KEEP_VOTE_SECONDS
from jitney.configuration.broker_settings import LAMBDA_EXECUTIONS
from jitney.configuration.load import load_configuration
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.grant import GRANT_RETENTION_SECONDS
from jitney.core.access.id_ranges import FRESH_SECONDS, SETTLED_SECONDS
from jitney.core.access.rejections import REJECTION_SECONDS
from jitney.core.access.suspensions import LIFTED_SECONDS
from jitney.core.call_lookup import CALL_INDEX, CALL_INDEX_ATTRIBUTES
from jitney.core.gateway.kept_answers import KEPT_SECONDS
from jitney.core.identity.session import MAX_SESSION_SECONDS
from jitney.core.preferences import MOST_WAIT_SECONDS
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.quotas import IDEMPOTENCY_SECONDS, own_waits_quota, waits_quota
from jitney.handlers.gateway.call_sending import CALL_WITHIN_SECONDS
from jitney.handlers.runtime.http import problem_response, proxy_response
from tests.configuration.test_load import ROOT
from tests.infra.conftest import of_type, only, plain

pytestmark = pytest.mark.xdist_group("cdk")

LOG_RETENTION_DAYS = 90
ACCOUNT_CONCURRENCY = 1000
"""How many executions at once an account has by default (Lambda Developer Guide, "Lambda quotas")."""


def test_every_table_is_encrypted_and_all_but_the_answers_are_recoverable_and_protected(assembly):
    tables = of_type(assembly.broker, "AWS::DynamoDB::GlobalTable")
    assert len(tables) == 3
    for name, table in tables.items():
        (replica,) = table["Replicas"]
        kept = plain({"Ref": name}) != "TablesAnswers"
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert plain(replica["SSESpecification"]) == {"KMSMasterKeyId": "TablesKey.Arn"}
        assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is kept
        assert replica["DeletionProtectionEnabled"] is kept
        (key,) = (
            each
            for name, each in of_type(assembly.broker, "AWS::KMS::Key").items()
            if plain({"Fn::GetAtt": [name, "Arn"]}) == "TablesKey.Arn"
        )
        assert key["EnableKeyRotation"] is True


def test_links_lead_to_the_api(assembly):
    functions = {each["Handler"]: each for each in of_type(assembly.broker, "AWS::Lambda::Function").values()}
    link = functions["jitney.handlers.review_notices.handler"]["Environment"]["Variables"]["JITNEY_REVIEWS_URL"]
    assert plain(link) == "https://ApiRestApi.execute-api.eu-west-1.AWS::URLSuffix/live/reviews"


def test_only_the_audit_table_is_published_and_only_the_state_table_has_the_index(assembly):
    tables = {
        plain({"Ref": name}): table for name, table in of_type(assembly.broker, "AWS::DynamoDB::GlobalTable").items()
    }
    state, audit = tables["TablesState"], tables["TablesAudit"]
    assert audit["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert "StreamSpecification" not in state
    assert "StreamSpecification" not in tables["TablesAnswers"]
    indexes = {index["IndexName"]: index for index in state["GlobalSecondaryIndexes"]}
    keys = {name: [key["AttributeName"] for key in index["KeySchema"]] for name, index in indexes.items()}
    assert keys == {"by_principal": ["gsi_pk", "gsi_sk"], "open_by_role": ["open_role", "open_until"]}
    assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes.values())
    (calls,) = audit["GlobalSecondaryIndexes"]
    assert [key["AttributeName"] for key in calls["KeySchema"]] == list(CALL_INDEX_ATTRIBUTES)
    assert (calls["IndexName"], calls["Projection"]) == (CALL_INDEX, {"ProjectionType": "KEYS_ONLY"})


def test_resources_with_data_outlive_the_stack(assembly):
    # A bucket without its policy would accept requests without TLS, and objects beside the seals.
    kept = {
        "AWS::DynamoDB::GlobalTable",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::KMS::Key",
        "AWS::SQS::Queue",
    }
    logs = {each["DeletionPolicy"] for each in assembly.broker["Resources"].values() if "LogGroup" in each["Type"]}
    assert logs == {"Delete"}
    policies = {
        name: resource.get("DeletionPolicy", "Delete")
        for name, resource in assembly.broker["Resources"].items()
        if resource["Type"] in kept
    }
    deleted = [plain({"Ref": name}) for name, policy in policies.items() if policy == "Delete"]
    # Keys of logs and of notifications, and masked answers, for minutes.
    assert sorted(deleted) == ["DeadLettersAlarmKey", "LogGroupsKey", "TablesAnswers"]
    replaced = [name for name in policies if assembly.broker["Resources"][name]["UpdateReplacePolicy"] == "Retain"]
    assert len(replaced) == len(policies) - len(deleted)


def test_ops_02_a_first_deployment_that_fails_rolls_back_and_leaves_only_tables_behind(assembly):
    """DynamoDB refuses to delete a protected table. So CloudFormation must not try, or the rollback fails, too."""
    resources = assembly.broker["Resources"]
    protected = {
        name
        for name, each in resources.items()
        if any(replica.get("DeletionProtectionEnabled") for replica in each["Properties"].get("Replicas", ()))
    }
    assert {plain({"Ref": name}) for name in protected} == {"TablesState", "TablesAudit"}
    assert {resources[name]["DeletionPolicy"] for name in protected} == {"Retain"}


def test_every_function_gets_what_it_declares_and_no_more(assembly):
    functions = {each["Handler"]: each for each in of_type(assembly.broker, "AWS::Lambda::Function").values()}
    assert set(functions) == {f"jitney.handlers.{name}.handler" for name in SPECS}
    for name, spec in SPECS.items():
        function = functions[f"jitney.handlers.{name}.handler"]
        variables = function["Environment"]["Variables"]
        assert set(variables) == spec.environment | {*ALL_FUNCTIONS, "JITNEY_VERSION"}
        assert variables["JITNEY_VERSION"] == "1.2.3"
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert (function["LoggingConfig"]["LogFormat"], function["LoggingConfig"]["SystemLogLevel"]) == ("JSON", "WARN")
        assert function["FunctionName"] == f"jitney-{name.replace('_', '-')}"


def test_all_functions_share_one_bundle(assembly):
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    assert len({json.dumps(function["Code"]) for function in functions}) == 1


def test_one_route_whose_requests_all_hang_does_not_use_up_the_account(assembly):
    throttling = throttles(assembly)["*", "/*"]
    longest = max(each.timeout_seconds for each in SPECS.values() if each.routes and not each.reserved_executions)
    most = throttling["ThrottlingRateLimit"] * longest + throttling["ThrottlingBurstLimit"]
    reserved = sum(each.reserved_executions for each in SPECS.values())
    assert most + reserved < ACCOUNT_CONCURRENCY - 100  # the rest of Jitney's functions, and what else the account runs


def test_with_the_default_quota_the_limits_are_the_declared_ones():
    assert [grown(limit, LAMBDA_EXECUTIONS) for limit in (REQUESTS_PER_SECOND, BURST)] == [40, 40]
    assert all(spec.at(LAMBDA_EXECUTIONS) == spec for spec in SPECS.values())
    assert {name for name, spec in SPECS.items() if spec.grows} == {"gateway_calls"}


@pytest.mark.parametrize("executions", [1_000, 1_001, 4_000, 100_000])
def test_end_07_however_large_the_account_is_one_route_leaves_executions_to_the_others(executions):
    specs = [each.at(executions) for each in SPECS.values()]
    longest = max(each.timeout_seconds for each in specs if each.routes and not each.reserved_executions)
    most = grown(REQUESTS_PER_SECOND, executions) * longest + grown(BURST, executions)
    assert most + sum(each.reserved_executions for each in specs) < executions - 100
    (calls,) = (each for each in specs if each.grows)
    assert calls.requests_per_second <= calls.reserved_executions


@pytest.fixture(scope="module")
def large(tmp_path_factory, synthesize):
    """Return what is deployed to an account with four times the default quota, with an address of runbooks."""
    folder = tmp_path_factory.mktemp("large")
    text = (
        (ROOT / "jitney.yaml").read_text(encoding="utf-8").replace("policies: policies", f"policies: {ROOT}/policies")
    )
    changed = "lambda_executions: 4000\n  runbooks_url: https://git.example.com/jitney/"
    (folder / "jitney.yaml").write_text(text.replace("lambda_executions: 1000", changed))
    return synthesize({"JITNEY_CONFIG": str(folder / "jitney.yaml")})


def test_both_limits_of_the_api_grow_with_the_accounts_quota_and_no_others(assembly, large):
    before, after = throttles(assembly), throttles(large)
    assert before.keys() == after.keys()
    rates = {key: (before[key]["ThrottlingRateLimit"], each["ThrottlingRateLimit"]) for key, each in after.items()}
    bursts = {key: (before[key]["ThrottlingBurstLimit"], each["ThrottlingBurstLimit"]) for key, each in after.items()}
    changed = {("*", "/*"): (40, 160), ("POST", "/~1v1~1calls"): (50, 200)}
    assert {key: each for key, each in rates.items() if each[0] != each[1]} == changed
    assert {key: each for key, each in bursts.items() if each[0] != each[1]} == changed
    small, big = (
        {each["Handler"]: each.get("ReservedConcurrentExecutions")
         for each in of_type(made.broker, "AWS::Lambda::Function").values()}
        for made in (assembly, large)
    )  # fmt: skip
    name = "jitney.handlers.gateway_calls.handler"
    assert {each: (small[each], big[each]) for each in big if small[each] != big[each]} == {name: (50, 200)}


def test_ops_01_alarms_name_their_runbooks_below_the_configured_address(large):
    alarms = [plain(each) for each in of_type(large.broker, "AWS::CloudWatch::Alarm").values()]
    assert len(alarms) > 20
    for each in (each for each in alarms if "AlarmActions" in each):
        assert "Runbook: https://git.example.com/jitney/docs/runbooks/" in each["AlarmDescription"]


def test_end_02_no_grant_is_written_after_a_range_of_ids_denies_its_moment():
    """A range spares the grants that the index has when it is composed; later ones have other ids."""
    attempts = DEFAULT_CONFIG.retries["total_max_attempts"]
    pauses = sum(2**number for number in range(attempts - 1))  # botocore's standard mode, at most
    longest = attempts * (DEFAULT_CONFIG.connect_timeout + DEFAULT_CONFIG.read_timeout) + pauses
    assert FRESH_SECONDS + longest <= SETTLED_SECONDS


def test_end_06_a_ticket_that_is_issued_while_its_grant_ends_is_denied_until_its_own_end():
    """Both functions read the clock when they start, and write until their time is over."""
    ending = max(SPECS[name].timeout_seconds for name in ("releases", "revocations"))
    assert ending + SPECS["gateway_calls"].timeout_seconds <= IN_FLIGHT_SECONDS


# By function: the requests a second of each of its routes, and the executions that no other function can use.
OWN_LIMITS = {
    "revocations": (200, 20),
    "suspensions": (200, 20),
    "releases": (200, 40),
    "reviews": (20, 10),
    "overview": (20, 0),
    "review_reads": (20, 10),
    "votes": (20, 10),
    "slack_interactions": (20, 10),
    "sign_in": (20, 10),
    "out_of_office": (20, 0),
    "gateway_calls": (50, 50),
    "held_reads": (0, 50),
    "health": (5, 0),
    "denial_measurements": (0, 10),
}


def test_end_07_other_traffic_uses_up_neither_the_rates_nor_the_executions_of_ends_and_reviews(assembly):
    reserved = {
        each["Handler"]: each["ReservedConcurrentExecutions"]
        for each in of_type(assembly.broker, "AWS::Lambda::Function").values()
        if "ReservedConcurrentExecutions" in each
    }
    assert reserved == {f"jitney.handlers.{name}.handler": most for name, (_, most) in OWN_LIMITS.items() if most}
    own = {key: each for key, each in throttles(assembly).items() if key != ("*", "/*")}
    assert {key: (each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) for key, each in own.items()} == {
        (verb, f"/{path.replace('/', '~1')}"): (rate, rate)
        for name, (rate, _) in OWN_LIMITS.items()
        for verb, path in SPECS[name].routes
        if rate
    }


def test_end_07_the_route_without_a_token_has_the_lowest_rate():
    assert min(spec.requests_per_second for spec in SPECS.values() if spec.requests_per_second) == 5
    assert SPECS["health"].requests_per_second == 5


def test_end_06_late_and_failed_runs_are_repeated_as_declared(assembly):
    """Lambda repeats a failed run twice for up to six hours, unless the function says otherwise.

    EventBridge's own retries are for events that Lambda did not accept.
    """
    asynchronous = of_type(assembly.broker, "AWS::Lambda::EventInvokeConfig").values()
    assert sorted(
        (plain(each["FunctionName"]), each["MaximumEventAgeInSeconds"], each["MaximumRetryAttempts"])
        for each in asynchronous
    ) == [("DenialMeasurementsFunction", 60, 0), ("ReconcilerFunction", 300, 1), ("SealerFunction", 3600, 2)]


def test_gw_12_calls_wait_for_aws_within_the_functions_time_and_cannot_use_up_more_than_their_executions(assembly):
    calls = SPECS["gateway_calls"]
    assert upstream.CALL_SECONDS + upstream.CONNECT_SECONDS < calls.timeout_seconds < 29
    assert calls.timeout_seconds - CALL_WITHIN_SECONDS == 4  # a write of DynamoDB, for the record
    assert calls.requests_per_second <= calls.reserved_executions  # a burst is refused as 429, before Lambda is asked


def test_cli_03_held_answers_leave_executions_to_requests_that_are_answered_at_once():
    """An answer is held in the window in which it began, and in the two after it at most."""
    held = 3 * waits_quota(0).most
    assert held <= SPECS["held_reads"].reserved_executions - 10
    assert own_waits_quota("unit", 0).most * 3 <= waits_quota(0).most
    assert 2 * waits_quota(0).expires_at >= MOST_WAIT_SECONDS
    assert MOST_WAIT_SECONDS + 10 < SPECS["held_reads"].timeout_seconds < 29


def throttles(assembly):
    """Return the settings of methods by verb and path."""
    (stage,) = of_type(assembly.broker, "AWS::ApiGateway::Stage").values()
    return {(each["HttpMethod"], each["ResourcePath"]): each for each in stage["MethodSettings"]}


def test_functions_answer_before_api_gateway_gives_up(assembly):
    behind_the_api = {f"jitney.handlers.{name}.handler" for name, spec in SPECS.items() if spec.routes}
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    assert all(each["Timeout"] < 29 for each in functions if each["Handler"] in behind_the_api)


def test_every_log_is_kept_for_a_bounded_time(assembly):
    groups = of_type(assembly.broker, "AWS::Logs::LogGroup").values()
    assert {group["RetentionInDays"] for group in groups} == {LOG_RETENTION_DAYS}


def test_every_function_writes_to_an_own_log_group(assembly):
    groups = of_type(assembly.broker, "AWS::Logs::LogGroup")
    for function in of_type(assembly.broker, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_every_log_group_has_the_key_and_cloudwatch_may_use_it_for_it(assembly):
    keys = {plain({"Ref": name}): each for name, each in of_type(assembly.broker, "AWS::KMS::Key").items()}
    (statement,) = (each for each in keys["LogGroupsKey"]["KeyPolicy"]["Statement"] if each.get("Sid") == "LogGroups")
    assert plain(statement["Principal"]) == {"Service": "logs.eu-west-1.amazonaws.com"}
    patterns = plain(statement["Condition"])["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    groups = of_type(assembly.broker, "AWS::Logs::LogGroup").values()
    assert len(groups) > len(SPECS)
    for group in groups:
        assert plain(group["KmsKeyId"]) == "LogGroupsKey.Arn"
        arn = f"arn:aws:logs:eu-west-1:111122223333:log-group:{group['LogGroupName']}"
        assert any(fnmatchcase(arn, each) for each in patterns)


def test_every_bucket_is_private_encrypted_and_versioned(assembly):
    buckets = of_type(assembly.broker, "AWS::S3::Bucket")
    assert len(buckets) == 4
    for bucket in buckets.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        by_s3 = "LoggingConfiguration" not in bucket or "ObjectLockEnabled" in bucket
        assert algorithm == ("AES256" if by_s3 else "aws:kms")


def denies_plain_http(template):
    return {
        plain(policy["Bucket"])
        for policy in of_type(template, "AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    }


def test_buckets_refuse_plain_http_except_in_a_local_system(assembly, local_assembly):
    assert denies_plain_http(assembly.broker) == {"BucketsLogs", "BucketsRecords", "BucketsResults", "BucketsSeals"}
    assert denies_plain_http(local_assembly.broker) == set()


def routes(template):
    """Return every reachable (verb, path) with the properties of its method."""
    resources = of_type(template, "AWS::ApiGateway::Resource")

    def path(reference):
        resource = resources.get(reference.get("Ref", ""))
        return f"{path(resource['ParentId'])}/{resource['PathPart']}" if resource else ""

    methods = of_type(template, "AWS::ApiGateway::Method").values()
    return {(method["HttpMethod"], path(method["ResourceId"])): method for method in methods}


def test_the_api_has_the_declared_routes_only(assembly):
    # tests/test_openapi.py compares the declared routes with the published ones.
    found = routes(assembly.broker)
    declared = {route: name for name, spec in SPECS.items() for route in spec.routes}
    assert set(found) == set(declared)
    for route, method in found.items():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        alias = "".join(word.title() for word in declared[route].split("_")) + "Alias"
        assert plain(method["Integration"]["Uri"]).endswith(f"/functions/{alias}/invocations")
        assert method["AuthorizationType"] == "NONE"  # the function verifies the token


def test_the_api_is_regional_and_throttled_without_an_account_wide_role(assembly):
    api = only(assembly.broker, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    # The default of a regional API accepts TLS 1.0.
    assert api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    assert api["EndpointAccessMode"] == "STRICT"
    settings = throttles(assembly)["*", "/*"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (40, 40)
    assert settings["DataTraceEnabled"] is False
    # Detailed metrics are billed by method. The alarms use the metrics of the API.
    assert not any(each.get("MetricsEnabled") for each in throttles(assembly).values())
    assert "LoggingLevel" not in settings
    assert not of_type(assembly.broker, "AWS::ApiGateway::Account")


def test_the_access_log_holds_no_input_of_a_caller(assembly):
    setting = only(assembly.broker, "AWS::ApiGateway::Stage")["AccessLogSetting"]
    assert plain(setting["DestinationArn"]) == "AccessLogStream.Arn"
    logged = set(json.loads(setting["Format"]).values())
    assert logged == {
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.error.responseType",
        "$context.waf.status",
    }


@pytest.mark.parametrize("response_type", REFUSALS)
def test_api_gateways_refusals_are_problems_like_all_others(assembly, response_type):
    responses = of_type(assembly.broker, "AWS::ApiGateway::GatewayResponse")
    ((name, response),) = [(n, each) for n, each in responses.items() if each["ResponseType"] == response_type]
    body = json.loads(response["ResponseTemplates"]["application/json"])
    headers = {
        name.removeprefix("gatewayresponse.header."): value.strip("'")
        for name, value in response["ResponseParameters"].items()
    }
    retry = {"Retry-After": "1"} if body["status"] in (429, 503) else {}
    answered = proxy_response(problem_response(Problem("route_not_found", "x", "y")))["headers"]
    assert headers == answered | retry
    assert response["StatusCode"] == str(body["status"]) == str(PROBLEMS[body["code"]].status)
    assert body["title"] == PROBLEMS[body["code"]].title
    assert body["detail"]
    assert body["fix"]
    ((_, deployment),) = [
        each for each in assembly.broker["Resources"].items() if each[1]["Type"] == "AWS::ApiGateway::Deployment"
    ]
    assert name in deployment["DependsOn"]  # a deployment takes along only what exists before it


def test_a_missing_route_is_a_404_with_and_without_a_token():
    codes = {name: problem.code for name, problem in REFUSALS.items()}
    assert codes["MISSING_AUTHENTICATION_TOKEN"] == codes["INVALID_SIGNATURE"] == "route_not_found"
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(codes)


def test_the_outputs_are_those_that_the_launcher_and_the_docs_use(assembly):
    outputs = {name: plain(output["Value"]) for name, output in assembly.broker["Outputs"].items()}
    assert outputs["ApiUrl"] == "https://ApiRestApi.execute-api.eu-west-1.AWS::URLSuffix/live"
    # What records name is the digest of the file in the functions' bundle.
    text = load_configuration(ROOT / "jitney.yaml", {}, local=False).json
    assert outputs["ConfigurationDigest"] == hashlib.sha256(text.encode()).hexdigest()[:32]
    compared = set(outputs) - {"ApiUrl", "ConfigurationDigest"}
    assert {name: outputs[name] for name in compared if "Endpoint" not in name} == {
        "ApiId": "ApiRestApi",
        "StateTable": "TablesState",
        "AuditTable": "TablesAudit",
        "RecordsBucket": "BucketsRecords",
        "SealsBucket": "BucketsSeals",
        "SealKeyArn": "SealsKey.Arn",
        "ResultsBucket": "BucketsResults",
        "AthenaWorkgroup": "jitney",
        "GlueDatabase": "jitney",
        "ApprovalArn": "ApprovalWorkflow",
        "AlarmTopic": "DeadLettersAlarms",
        "TrailQueue": "TrailQueue",
        "TrailDeadLetters": "TrailDead.Arn",
        "RecordDeadLetters": "DeadLettersQueue.Arn",
    }


def test_there_is_no_custom_resource(assembly):
    for template in (assembly.broker, assembly.target):
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        assert not [kind for kind in kinds if kind.startswith("Custom::") or kind.endswith("::CustomResource")]


def test_synthesis_makes_no_aws_lookups(assembly):
    assert "missing" not in assembly.manifest()


def test_every_finding_of_the_validators_has_a_reason(assembly):
    reports = {report["pluginName"]: report for report in assembly.report()}
    assert "AwsSolutions" in reports
    for report in reports.values():
        assert report["conclusion"] == "success"
        assert not report["violations"]
        assert all(len(each["reason"]) > 20 for each in report.get("suppressedViolations", []))


def test_the_local_template_differs_in_plain_http_only(assembly, local_assembly):
    def without_tls(template):
        text = json.dumps(template["Resources"], sort_keys=True)
        resources = json.loads(text)
        for name, resource in list(resources.items()):
            document = resource["Properties"].get("PolicyDocument", {})
            statements = [each for each in document.get("Statement", []) if "aws:SecureTransport" not in str(each)]
            if document and not statements:
                del resources[name]
            elif document:
                document["Statement"] = statements
            if resource["Type"] == "AWS::S3::BucketPolicy":  # a local system keeps nothing
                resource.pop("DeletionPolicy", None)
                resource.pop("UpdateReplacePolicy", None)
        return resources

    assert without_tls(local_assembly.broker) == without_tls(assembly.broker)


def test_aud_01_the_page_of_personal_data_names_every_folder_that_the_stack_fills(assembly):
    page = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    written = [each["ExtendedS3DestinationConfiguration"] for each in streams]
    logged = [each.get("LoggingConfiguration", {}) for each in of_type(assembly.broker, "AWS::S3::Bucket").values()]
    folders = {each[key].split("/")[0] for each in written for key in ("Prefix", "ErrorOutputPrefix")}
    folders |= {each["LogFilePrefix"].split("/")[0] for each in logged if each}
    assert folders == {"records", "records-errors", "calls", "calls-errors", "api", "api-errors", "s3"}
    assert {each for each in folders if f"`{each}/`" not in page} == set()


def test_aud_01_the_page_of_personal_data_says_how_long_each_place_keeps_it(assembly):
    def days(seconds: int) -> str:
        return f"{seconds // 86_400} day{'' if seconds == 86_400 else 's'}"

    lines = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8").splitlines()
    rows = {cells[1]: cells[3] for line in lines if len(cells := [each.strip() for each in line.split("|")]) == 5}
    log_groups = of_type(assembly.broker, "AWS::Logs::LogGroup").values()
    buckets = of_type(assembly.broker, "AWS::S3::Bucket").values()
    expiring = [rule for each in buckets for rule in each.get("LifecycleConfiguration", {}).get("Rules", ())]
    assert {each["RetentionInDays"] for each in log_groups} == {LOG_RETENTION_DAYS}
    assert {each["ExpirationInDays"] for each in expiring if "ExpirationInDays" in each} == {30, 400}
    assert {each["MessageRetentionPeriod"] for each in of_type(assembly.broker, "AWS::SQS::Queue").values()} == {
        14 * 86_400
    }
    kept = {
        "the same": f"{days(RECORD_RETENTION_SECONDS)}; calls {days(CALL_RETENTION_SECONDS)}",
        "the same, of open and ended grants": f"{days(GRANT_RETENTION_SECONDS)} after the grant's end",
        "AWS's answers to calls through the gateway, masked": f"{KEPT_SECONDS // 60} minutes",
        "votes by person": days(KEEP_VOTE_SECONDS),
        "agents and people with [approvals that count again](earlier-approvals.md)": days(HISTORY_SECONDS),
        "rejections, with the reviewer and the comment": days(REJECTION_SECONDS),
        "suspended agents and people, the operator and the reason": f"{days(LIFTED_SECONDS)} after the "
        "suspension is lifted",
        "reviewers who were notified, for each request": days(KEEP_SENT_SECONDS),
        "sessions of people at the pages": f"{MAX_SESSION_SECONDS // 3600} hours, or until they sign out",
        "names in rate limits and idempotency keys": days(IDEMPOTENCY_SECONDS),
        "grant ids, codes, and addresses of refused callers, without names of people": f"{LOG_RETENTION_DAYS} days",
        "addresses of callers": "400 days",
        "roles, sessions and addresses of auditors": "400 days",
        "rows of queries": "30 days, and 7 days more as earlier versions",
        "CloudTrail events that could not be processed": "14 days",
    }
    assert {name: rows.get(name) for name in kept} == kept
