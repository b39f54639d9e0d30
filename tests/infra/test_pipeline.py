"""The audit pipeline: nothing gets lost in silence, and what the auditor queries is what was written."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from core import audit
from core.audit import AuditRecord, Event, Outcome
from infra.columns import CALL_COLUMNS, COLUMNS
from infra.queries import QUERIES
from tests.infra.conftest import of_type, only, plain

pytestmark = pytest.mark.xdist_group("cdk")


def test_aud_06_a_batch_that_fails_is_split_retried_and_at_last_noted(assembly):
    mappings = of_type(assembly.broker, "AWS::Lambda::EventSourceMapping")
    mapping = plain(mappings["AuditStream"])
    assert mapping["EventSourceArn"] == "TablesAudit.StreamArn"
    assert mapping["FunctionName"] == "PublisherFunction"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] >= 10
    # A stream forgets after 24 hours.
    assert mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": "DeadLettersQueue.Arn"}}


def test_aud_06_the_dead_letter_queue_is_kept_long_and_watched(assembly):
    queues = {plain({"Ref": name}): each for name, each in of_type(assembly.broker, "AWS::SQS::Queue").items()}
    queue = queues["DeadLettersQueue"]
    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, 14 * 24 * 3600)
    alarms = [plain(each) for each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values()]
    assert {each["MetricName"] for each in alarms} == {
        "ApproximateNumberOfMessagesVisible",
        "IteratorAge",
        "AuditRecordsTampered",
        "AuditRecordsSealed",
        "Bypasses",
        "TrailEventsRefused",
    }
    held = [each for each in alarms if each["MetricName"] == "ApproximateNumberOfMessagesVisible"]
    assert {(each["Threshold"], each["ComparisonOperator"]) for each in held} == {(0, "GreaterThanThreshold")}
    (watched, of_trail) = sorted(each["Dimensions"][0]["Value"] for each in held)
    assert (watched, of_trail) == ("DeadLettersQueue.QueueName", "TrailDead.QueueName")
    assert all(alarm["AlarmActions"] == ["DeadLettersAlarms"] for alarm in alarms)


def test_aud_02_a_record_that_is_changed_or_deleted_raises_an_alarm(assembly):
    alarms = {each["MetricName"]: each for each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values()}
    tampered = alarms["AuditRecordsTampered"]
    assert (tampered["Threshold"], tampered["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert tampered["Statistic"] == "Sum"
    # Where the publisher's metrics go: the namespace of its environment, and Powertools' one dimension.
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    (variables,) = (
        each["Environment"]["Variables"] for each in functions if each["Handler"] == "handlers.publisher.handler"
    )
    assert tampered["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert tampered["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_aud_02_a_seal_that_is_not_made_raises_an_alarm(assembly):
    alarms = {each["MetricName"]: each for each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values()}
    sealed, tampered = alarms["AuditRecordsSealed"], alarms["AuditRecordsTampered"]
    assert (sealed["Threshold"], sealed["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert (sealed["TreatMissingData"], sealed["EvaluationPeriods"], sealed["Period"]) == ("breaching", 2, 3600)
    assert all(sealed[name] == tampered[name] for name in ("Namespace", "Dimensions", "Statistic"))


def test_alarms_reach_the_encrypted_topic(assembly):
    assert plain(only(assembly.broker, "AWS::SNS::Topic")["KmsMasterKeyId"]) == "TablesKey.Arn"
    statements = only(assembly.broker, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allow,) = [each for each in statements if each["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Action"] == "sns:Publish"


@pytest.mark.parametrize(
    ("name", "bucket", "prefix", "key"),
    [
        ("jitney-records", "BucketsRecords.Arn", "records", "CUSTOMER_MANAGED_CMK"),
        ("jitney-calls", "BucketsRecords.Arn", "calls", "CUSTOMER_MANAGED_CMK"),
        ("amazon-apigateway-jitney", "BucketsLogs.Arn", "api", "AWS_OWNED_CMK"),
    ],
)
def test_deliveries_land_in_a_folder_a_day(assembly, name, bucket, prefix, key):
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    (stream,) = [plain(each) for each in streams if each["DeliveryStreamName"] == name]
    destination = stream["ExtendedS3DestinationConfiguration"]
    assert stream["DeliveryStreamType"] == "DirectPut"
    assert stream["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == key
    assert destination["BucketARN"] == bucket
    came = "!{timestamp:yyyy-MM-dd}"
    day = f"!{{partitionKeyFromQuery:dt}}/{came}" if prefix == "calls" else came
    assert destination["Prefix"] == f"{prefix}/dt={day}/"
    # Not under the table's location: what could not be delivered is no record.
    assert destination["ErrorOutputPrefix"].startswith(f"{prefix}-errors/!{{firehose:error-output-type}}/")
    assert destination["CloudWatchLoggingOptions"]["Enabled"] is True


def test_aud_03_calls_lie_by_the_day_on_which_they_were_made(assembly):
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    (stream,) = [each for each in streams if each["DeliveryStreamName"] == "jitney-calls"]
    destination = stream["ExtendedS3DestinationConfiguration"]
    assert destination["DynamicPartitioningConfiguration"] == {"Enabled": True}
    assert destination["BufferingHints"]["SizeInMBs"] >= 64
    (processor,) = destination["ProcessingConfiguration"]["Processors"]
    parameters = {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]}
    assert (processor["Type"], parameters["MetadataExtractionQuery"]) == ("MetadataExtraction", "{dt: .time[0:10]}")


def test_the_columns_are_the_members_of_a_record():
    link = audit.link(AuditRecord(0, Event.REQUEST, Outcome.ALLOWED), "c")
    assert {name for name, _ in COLUMNS} == set(json.loads(link.text))
    kinds = {int: "int", str: "string", list: "array<string>"}
    written = {name: kinds[type(value)] for name, value in json.loads(link.text).items()}
    assert dict(COLUMNS) == written


def test_aud_05_the_table_projects_its_days(assembly):
    tables = {each["TableInput"]["Name"]: each for each in of_type(assembly.broker, "AWS::Glue::Table").values()}
    table, calls = (plain(tables[name])["TableInput"] for name in ("records", "calls"))
    assert [each["Name"] for each in calls["StorageDescriptor"]["Columns"]] == [name for name, _ in CALL_COLUMNS]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["dt"]
    assert [(each["Name"], each["Type"]) for each in table["StorageDescriptor"]["Columns"]] == list(COLUMNS)
    assert table["StorageDescriptor"]["Location"] == "s3://BucketsRecords/records/"
    assert table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.dt.range"].endswith(",NOW")
    assert parameters["storage.location.template"] == "s3://BucketsRecords/records/dt=${dt}/"


def test_aud_05_the_workgroup_is_bounded_encrypted_and_enforced(assembly):
    configuration = plain(only(assembly.broker, "AWS::Athena::WorkGroup"))["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    result = configuration["ResultConfiguration"]
    assert result["OutputLocation"] == "s3://BucketsResults/"
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": "TablesKey.Arn"}


def test_the_auditors_questions_are_named_queries(assembly):
    queries = {each["Name"]: each for each in of_type(assembly.broker, "AWS::Athena::NamedQuery").values()}
    assert (
        set(queries)
        == {path.stem for path in QUERIES.glob("*.sql")}
        >= {
            "who_asked_for_what",
            "denied",
            "refusals",
            "grants_of_principal",
            "history_of_grant",
            "issued_without_end",
            "break_glass",
            "used_versus_granted",
            "denied_calls",
            "bypasses",
            "left_behind",
        }
    )
    for query in queries.values():
        assert (query["Database"], query["WorkGroup"]) == ("jitney", "jitney")
        assert len(query["Description"]) > 20


NOW = datetime.now(UTC)
BROKE = {"by": "corp.gina", "reason": "down", "follow_up_until": "2026-12-01T00:00:00Z"}


def record(event, outcome, *, days_ago=0, seq=0, **members):
    """A record as the functions write it, and the day that it was published on."""
    time = int((NOW - timedelta(days=days_ago)).timestamp())
    chain = members.pop("chain", members.get("grant_id", "c"))
    values = {"actions": ("s3:GetObject",), "resources": ("arn:aws:s3:::reports/a",), "principal": "corp.a"} | members
    return audit.link(AuditRecord(time, event, outcome, **values), chain, seq).text, (
        NOW - timedelta(days=days_ago)
    ).date()


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Runs a named query over some records, with the engine that stands for Athena on one's own machine."""
    folder = tmp_path_factory.mktemp("records")
    earlier = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    texts = [
        record(Event.REQUEST, Outcome.ALLOWED, grant_id="g-ended", expires_at=earlier, days_ago=2),
        record(Event.EXPIRY, Outcome.EXPIRED, grant_id="g-ended", expires_at=earlier, days_ago=1, seq=1),
        record(Event.REQUEST, Outcome.REVIEW, grant_id="g-ended", code="joined", chain="r-repeat", days_ago=2),
        record(Event.REQUEST, Outcome.ALLOWED, grant_id="g-lost", expires_at=earlier, days_ago=2),
        record(Event.REQUEST, Outcome.ALLOWED, grant_id="g-live", expires_at=later),
        record(Event.REQUEST, Outcome.REVIEW, grant_id="g-waits", expires_at=earlier, principal="corp.b", days_ago=2),
        record(Event.REQUEST, Outcome.ALLOWED, grant_id="g-old", expires_at=earlier, days_ago=200),
        record(Event.BREAK_GLASS, Outcome.APPROVED, grant_id="g-broken", detail=BROKE | {"reason": '"by":"corp.x"'}),
        record(Event.FOLLOW_UP, Outcome.CONFIRMED, grant_id="g-broken", seq=1, detail={"by": "corp.alice"}),
        record(Event.BREAK_GLASS, Outcome.APPROVED, grant_id="g-owed", days_ago=1, detail=BROKE),
        record(Event.BREAK_GLASS, Outcome.REFUSED, code="own_request", detail={"grant": "g-owed"}),
        record(Event.FOLLOW_UP, Outcome.REFUSED, code="own_request", detail={"grant": "g-owed"}),
        record(Event.REQUEST, Outcome.DENIED, code="denied", policies=("never-salaries",)),
        record(Event.PREVIEW, Outcome.DENIED, principal="corp.b", reason='it\'s "quoted"'),
        record(Event.REFUSAL, Outcome.REFUSED, code="token_expired", issuer="corp", source_ip="192.0.2.1", count=4),
        record(Event.REFUSAL, Outcome.REFUSED, code="token_expired", issuer="corp", source_ip="192.0.2.1", count=3),
    ]
    for number, (text, day) in enumerate(texts):
        path = folder / f"dt={day}" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    connection = duckdb.connect(":memory:")
    connection.execute(
        f"CREATE VIEW records AS SELECT * FROM read_json_auto('{folder}/*/*.json', union_by_name = true, "  # noqa: S608
        "hive_partitioning = true, hive_types = {'dt': VARCHAR})"
    )

    def answer(name, *parameters):
        result = connection.execute((QUERIES / f"{name}.sql").read_text(encoding="utf-8"), list(parameters))
        columns = [column[0] for column in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    yield answer
    connection.close()


def test_who_asked_for_what_lists_the_requests_and_what_came_of_them(ask):
    rows = ask("who_asked_for_what")
    assert {row["grant_id"] or row["code"] for row in rows} == {"g-ended", "g-lost", "g-live", "g-waits", "denied"}
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)
    assert {row["outcome"] for row in rows} == {"allowed", "review", "denied"}


def test_denied_names_the_policies_for_requests_and_dry_runs(ask):
    assert [row["policies"] for row in ask("denied")] in ([["never-salaries"], []], [[], ["never-salaries"]])


def test_refusals_are_counted_by_issuer_address_and_code(ask):
    (row,) = ask("refusals")
    assert (row["issuer"], row["source_ip"], row["code"], int(row["times"])) == (
        "corp",
        "192.0.2.1",
        "token_expired",
        7,
    )


def test_grants_of_principal_are_its_own(ask):
    assert {row["grant_id"] for row in ask("grants_of_principal", "corp.b")} == {"g-waits"}
    assert ask("grants_of_principal", "' OR ''='") == []


def test_history_of_grant_is_its_chain(ask):
    assert [row["event"] for row in ask("history_of_grant", "g-ended")] == ["request", "expiry"]


def test_issued_without_end_finds_the_grant_whose_end_is_not_on_record(ask):
    assert [row["grant_id"] for row in ask("issued_without_end")] == ["g-lost"]


def test_rev_08_break_glass_lists_every_use_and_what_was_said_of_it_afterwards(ask):
    rows = {row["grant_id"]: row for row in ask("break_glass")}
    assert set(rows) == {"g-broken", "g-owed"}
    assert {(row["broken_by"], row["follow_up_until"]) for row in rows.values()} == {
        ("corp.gina", "2026-12-01T00:00:00Z")
    }
    assert (rows["g-broken"]["judgement"], rows["g-broken"]["followed_up_by"]) == ("confirmed", "corp.alice")
    assert (rows["g-owed"]["judgement"], rows["g-owed"]["followed_up_by"] or None) == (None, None)
