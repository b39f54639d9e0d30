"""The audit pipeline: nothing is lost silently, and the auditor queries what was written."""

import json

import pytest

from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.glue_tables import CALL_COLUMNS, RECORD_COLUMNS
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome
from tests.infra.conftest import of_type, only, plain

pytestmark = pytest.mark.xdist_group("cdk")


def test_aud_06_a_failed_batch_is_split_retried_and_then_a_dead_letter(assembly):
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


def test_aud_06_the_dead_letter_queue_is_kept_long(assembly):
    queues = {plain({"Ref": name}): each for name, each in of_type(assembly.broker, "AWS::SQS::Queue").items()}
    queue = queues["DeadLettersQueue"]
    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, 14 * 24 * 3600)


def test_alarms_reach_the_encrypted_topic(assembly):
    # Not the tables' key: an alarm must arrive when that is disabled.
    assert plain(only(assembly.broker, "AWS::SNS::Topic")["KmsMasterKeyId"]) == "DeadLettersAlarmKey.Arn"
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
def test_deliveries_have_one_folder_for_each_day(assembly, name, bucket, prefix, key):
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


def test_aud_03_calls_are_stored_by_the_day_on_which_they_were_made(assembly):
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    (stream,) = [each for each in streams if each["DeliveryStreamName"] == "jitney-calls"]
    destination = stream["ExtendedS3DestinationConfiguration"]
    assert destination["DynamicPartitioningConfiguration"] == {"Enabled": True}
    assert destination["BufferingHints"]["SizeInMBs"] >= 64
    (processor,) = destination["ProcessingConfiguration"]["Processors"]
    parameters = {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]}
    assert (processor["Type"], parameters["MetadataExtractionQuery"]) == ("MetadataExtraction", "{dt: .time[0:10]}")


def test_the_columns_are_the_members_of_a_record():
    link = audit.chain_record(AuditRecord(0, AuditEvent.REQUEST, Outcome.ALLOWED), "c")
    assert {name for name, _ in RECORD_COLUMNS} == set(json.loads(link.text))
    kinds = {int: "int", str: "string", list: "array<string>"}
    written = {name: kinds[type(value)] for name, value in json.loads(link.text).items()}
    assert dict(RECORD_COLUMNS) == written


def test_aud_05_the_table_projects_its_days(assembly):
    tables = {each["TableInput"]["Name"]: each for each in of_type(assembly.broker, "AWS::Glue::Table").values()}
    table, calls = (plain(tables[name])["TableInput"] for name in ("records", "calls"))
    assert [each["Name"] for each in calls["StorageDescriptor"]["Columns"]] == [name for name, _ in CALL_COLUMNS]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["dt"]
    assert [(each["Name"], each["Type"]) for each in table["StorageDescriptor"]["Columns"]] == list(RECORD_COLUMNS)
    assert table["StorageDescriptor"]["Location"] == "s3://BucketsRecords/records/"
    assert table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.dt.range"].endswith(",NOW")
    assert parameters["storage.location.template"] == "s3://BucketsRecords/records/dt=${dt}/"


def test_aud_05_the_workgroup_is_bounded_encrypted_and_enforced(assembly):
    workgroup = plain(only(assembly.broker, "AWS::Athena::WorkGroup"))
    assert workgroup["RecursiveDeleteOption"] is True  # else it outlives its stack once a query ran in it
    configuration = workgroup["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    result = configuration["ResultConfiguration"]
    assert result["OutputLocation"] == "s3://BucketsResults/"
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": "TablesKey.Arn"}


def test_the_auditors_questions_are_named_queries(assembly):
    queries = {each["Name"]: each for each in of_type(assembly.broker, "AWS::Athena::NamedQuery").values()}
    assert set(queries) == {path.stem for path in QUERIES.glob("*.sql")}
    for query in queries.values():
        assert (query["Database"], query["WorkGroup"]) == ("jitney", "jitney")
        assert len(query["Description"]) > 20
