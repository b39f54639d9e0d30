"""Parameters and answers of operations, and CloudTrail's events (rows MASK 1-5)."""

import base64
import json
from datetime import UTC, datetime

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import MASK, MaskTags
from jitney.core.masking.table import KEYS
from tests.core.masking.conftest import KEY, MASKS
from tests.core.masking.planted import HIDING, JWT, PASSWORD, PEM_BODY, PLANTED, SECRET_KEY, SESSION_TOKEN
from tests.core.masking.test_text import layers
from tests.examples import examples

MASKER = AwsMasker(MASKS, MaskTags(lambda: KEY))


def mask_of(value, kind="credential"):
    return MASKER.tags.mask(value, kind)


CREDENTIALS = {
    "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "SecretAccessKey": SECRET_KEY,
    "SessionToken": "short",
    "Expiration": datetime(2026, 1, 1, tzinfo=UTC),
}


def test_mask_02_unmarked_credentials_are_masked_and_the_rest_is_unchanged():
    answer = {
        "Credentials": CREDENTIALS,
        "AssumedRoleUser": {"Arn": "arn:aws:sts::1:assumed-role/r/s"},
        "PackedPolicySize": 6,
    }
    masked, paths = MASKER.call("sts", "AssumeRole", CallDirection.OUTPUT, answer)
    expected = CREDENTIALS | {"SecretAccessKey": mask_of(SECRET_KEY), "SessionToken": mask_of("short")}
    assert masked == answer | {"Credentials": expected}
    assert paths == ("Credentials.SecretAccessKey", "Credentials.SessionToken")
    assert answer["Credentials"]["SessionToken"] == "short"


WHOLE = {"Sentiment": "NEGATIVE", "SentimentScore": {"Positive": 0.2}}
ISSUED = {"token": "t", "expirationTime": datetime(2026, 1, 1, tzinfo=UTC)}
DIALLED = {"SipMediaApplicationId": "sma-1", "Arguments": {"caller": "+4930123456", "note": "vip"}}


def test_mask_01_a_mark_on_a_whole_answer_masks_it_unless_a_credential_is_listed_below():
    assert MASKER.call("comprehend", "DetectSentiment", CallDirection.OUTPUT, WHOLE).value == {
        "Sentiment": mask_of("NEGATIVE", "sensitive"),
        "SentimentScore": {"Positive": 0.0},
    }
    without = AwsMasker(MASKS, MASKER.tags, sensitive=False)
    assert without.call("comprehend", "DetectSentiment", CallDirection.OUTPUT, WHOLE).value == WHOLE
    for masker in (MASKER, without):
        found = masker.call("redshift-serverless", "GetIdentityCenterAuthToken", CallDirection.OUTPUT, ISSUED)
        assert (found.value, found.paths) == (ISSUED | {"token": mask_of("t")}, ("token",))
    event = {"eventSource": "comprehend.amazonaws.com", "eventName": "DetectSentiment", "responseElements": WHOLE}
    masked = MASKER.event(event).value
    assert masked["responseElements"]["Sentiment"] == mask_of("NEGATIVE", "sensitive")
    assert masked["eventName"] == "DetectSentiment"


def test_mask_01_marked_keys_of_maps_are_masked():
    def masked(masker: AwsMasker):
        return masker.call("chime-sdk-voice", "UpdateSipMediaApplicationCall", CallDirection.INPUT, DIALLED)

    expected = {mask_of(key, "sensitive"): mask_of(value, "sensitive") for key, value in DIALLED["Arguments"].items()}
    found = masked(MASKER)
    assert found.value == DIALLED | {"Arguments": expected}
    assert all(key not in " ".join(found.paths) for key in DIALLED["Arguments"])
    assert masked(AwsMasker(MASKS, MASKER.tags, sensitive=False)).value == DIALLED
    # Without tags, all keys have the same mask. No entry is lost.
    assert len(masked(AwsMasker(MASKS, MaskTags())).value["Arguments"]) == 2


def test_mask_01_sensitive_members_can_be_kept_but_credentials_cannot():
    answer = {"Name": "alice", "Password": "p", "Environment": {"Variables": {"PREFIX": "inbound"}}}
    masked, _ = MASKER.call("lambda", "CreateFunction", CallDirection.INPUT, answer)
    assert masked["Environment"] == {"Variables": {"PREFIX": mask_of("inbound", "sensitive")}}
    without = AwsMasker(MASKS, MASKER.tags, sensitive=False)
    assert (
        without.call("lambda", "CreateFunction", CallDirection.INPUT, answer).value["Environment"]
        == answer["Environment"]
    )
    login = {"UserName": "alice", "Password": "p"}
    assert without.call("iam", "CreateLoginProfile", CallDirection.INPUT, login).value == login | {
        "Password": mask_of("p")
    }


def test_mask_01_an_attribute_of_dynamodb_is_masked_by_its_name():
    item = {
        "id": {"S": "1"},
        "password": {"S": "hunter2000"},
        "token": {"SS": ["a"]},
        "secret": {"M": {"a": {"S": "b"}}},
        "passwd": {"L": [{"S": "a"}]},
    }
    masked, paths = MASKER.call("dynamodb", "PutItem", CallDirection.INPUT, {"TableName": "t", "Item": item})
    new = item | {
        "password": {"S": mask_of("hunter2000")},
        "token": {"SS": [mask_of("a")]},
        "passwd": {"L": [{"S": mask_of("a")}]},
    }
    assert masked == {"TableName": "t", "Item": new}
    assert paths == ("Item.password.S", "Item.token.SS[0]", "Item.passwd.L[0].S")


def test_mask_03_a_value_without_secrets_is_returned_itself():
    answer = {"Buckets": [{"Name": "reports"}], "ContinuationToken": "abc", "Owner": {"ID": "75aa57f09aa0c8ca"}}
    assert MASKER.call("s3", "ListBuckets", CallDirection.OUTPUT, answer).value is answer


def test_input_and_output_are_distinguished():
    asked = {"apiKey": "id-of-a-key", "includeValue": True}
    assert MASKER.call("apigateway", "GetApiKey", CallDirection.INPUT, asked).value is asked
    given_ = MASKER.call("apigateway", "GetApiKey", CallDirection.OUTPUT, {"id": "id-of-a-key", "value": "v"}).value
    assert given_ == {"id": "id-of-a-key", "value": mask_of("v")}


def test_lists_maps_blobs_and_recursion():
    assert MASKER.call(
        "secretsmanager", "BatchGetSecretValue", CallDirection.OUTPUT, {"SecretValues": [{"SecretBinary": b"\xff"}]}
    ) == (
        {"SecretValues": [{"SecretBinary": mask_of(b"\xff").encode()}]},
        ("SecretValues[0].SecretBinary",),
    )
    sign_in = {"AuthParameters": {"USERNAME": "a", "PASSWORD": "p"}}
    masked = MASKER.call("cognito-idp", "InitiateAuth", CallDirection.INPUT, sign_in).value
    assert masked["AuthParameters"] == {"USERNAME": mask_of("a"), "PASSWORD": mask_of("p")}


def test_a_blob_is_inspected():
    data = f"#!/bin/sh\nexport DB_PASSWORD={PASSWORD}\n".encode() + b"\xff\x00"
    masked = MASKER.call("s3", "GetObject", CallDirection.OUTPUT, {"Body": data}).value["Body"]
    assert masked == data.replace(PASSWORD.encode(), mask_of(PASSWORD).encode())


def test_names_beside_their_values():
    asked = {
        "Parameters": [
            {"ParameterKey": "DBPassword", "ParameterValue": "p"},
            {"ParameterKey": "Zone", "ParameterValue": "a"},
        ]
    }
    masked, paths = MASKER.call("cloudformation", "CreateStack", CallDirection.INPUT, asked)
    assert masked["Parameters"] == [asked["Parameters"][0] | {"ParameterValue": mask_of("p")}, asked["Parameters"][1]]
    assert paths == ("Parameters[0].ParameterValue",)


def test_free_form_maps_are_masked_by_name():
    asked = {"ConnectionInput": {"Name": "c", "ConnectionProperties": {"PASSWORD": "p", "PORT": "1", "SECRET_ID": "s"}}}
    masked = MASKER.call("glue", "CreateConnection", CallDirection.INPUT, asked).value
    assert masked["ConnectionInput"]["ConnectionProperties"] == {
        "PASSWORD": mask_of("p"),
        "PORT": "1",
        "SECRET_ID": "s",
    }


def test_an_unknown_operation_is_masked_by_name():
    answer = {"Login": {"password": "p", "n": 3}, "nextToken": "t", "token": "abc"}
    for service, operation in (("unheard-of", "Get"), ("sts", "GetNewThing")):
        assert MASKER.call(service, operation, CallDirection.OUTPUT, answer).value == {
            "Login": {"password": mask_of("p"), "n": 3},
            "nextToken": "t",
            "token": mask_of("abc"),
        }


def test_a_stream_is_refused_not_passed():
    with pytest.raises(TypeError, match="object"):
        MASKER.call("s3", "GetObject", CallDirection.OUTPUT, {"Body": object()})


@pytest.mark.parametrize("name", PLANTED)
def test_mask_01_known_secrets_in_answers_are_masked(name):
    text, secret = PLANTED[name]
    answer = {"Events": [{"message": "fine"}, {"message": text}], "note": {text: ["x", text.encode()]}}
    masked, paths = MASKER.call("logs", "FilterLogEvents", CallDirection.OUTPUT, answer)
    assert secret not in repr(masked).replace("\\n", "\n")
    assert masked["Events"][0] == {"message": "fine"}
    assert "Events[1].message" in paths


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)


@st.composite
def hidden(draw):
    """Draw a nested value with one secret, encoded in any way, as a value or a name. Also return the secret."""
    text, secret = PLANTED[draw(st.sampled_from(sorted(PLANTED)))]
    for way in draw(st.lists(st.sampled_from(sorted(HIDING)), max_size=2)):
        text = HIDING[way](text)
    value = draw(st.sampled_from([text, text.encode(), {text: 1}, [text], {"payload": text}]))
    for _ in range(draw(st.integers(0, 4))):
        around = draw(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=4))
        value = draw(st.sampled_from([{"a": around, "b": value}, [around, value], {"x": [value]}]))
    return value, secret


def shape_of(value):
    """Return the types of a value, and the number of its members."""
    if isinstance(value, dict):
        return [shape_of(each) for each in value.values()]
    return [shape_of(each) for each in value] if isinstance(value, list) else type(value)


@given(hidden(), st.sampled_from([("s3", "GetObject"), ("dynamodb", "GetItem"), ("lambda", "Invoke"), ("no", "Such")]))
@settings(max_examples=examples(300))
def test_mask_01_no_nesting_hides_a_planted_secret(planted, call):
    value, secret = planted
    masked, paths = MASKER.call(*call, CallDirection.OUTPUT, value)
    written = "\n".join(texts(masked))
    read = "\n".join(layers(written, 0))
    assert not [part for part in secret.split("\n") if part in read]
    assert paths
    assert shape_of(masked) == shape_of(value)
    assert MASKER.call(*call, CallDirection.OUTPUT, masked).value == masked


def texts(value):
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    else:
        yield str(value)


WIRE = {
    "query": ("sts", "GetSessionToken", "text/xml", f"""<GetSessionTokenResponse><GetSessionTokenResult><Credentials>
        <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>
        <SessionToken>{SESSION_TOKEN}</SessionToken></Credentials></GetSessionTokenResult></GetSessionTokenResponse>"""),
    "ec2": ("ec2", "CreateKeyPair", "text/xml", f"""<CreateKeyPairResponse><keyName>k</keyName>
        <keyMaterial>{PEM_BODY}</keyMaterial></CreateKeyPairResponse>"""),
    "rest-xml": ("s3", "CreateSession", "text/xml", f"""<CreateSessionResult><Credentials>
        <SessionToken>{SESSION_TOKEN}</SessionToken><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>
        <AccessKeyId>ASIA1</AccessKeyId></Credentials></CreateSessionResult>"""),
    "json": ("ecr", "GetAuthorizationToken", "application/x-amz-json-1.1", json.dumps(
        {"authorizationData": [{"authorizationToken": base64.b64encode(f"AWS:{PASSWORD}".encode()).decode(),
                                "proxyEndpoint": "https://1.dkr.ecr.eu-west-1.amazonaws.com"}]})),
    "rest-json": ("sso", "GetRoleCredentials", "application/json", json.dumps(
        {"roleCredentials": {"accessKeyId": "ASIA1", "secretAccessKey": SECRET_KEY, "sessionToken": JWT}})),
}  # fmt: skip


@pytest.mark.parametrize("protocol", WIRE)
def test_gw_04_answers_are_masked_in_every_wire_protocol(protocol):
    service, operation, kind, body = WIRE[protocol]
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    shape = model.operation_model(operation).output_shape
    answer = {"status_code": 200, "headers": {"content-type": kind, "x-amzn-requestid": "r-1"}, "body": body.encode()}
    parsed = create_parser(protocol).parse(answer, shape)
    masked, paths = MASKER.call(service, operation, CallDirection.OUTPUT, parsed)
    assert paths
    secrets = (SECRET_KEY, SESSION_TOKEN, JWT, PEM_BODY, PASSWORD)
    assert not [secret for secret in secrets if secret in "\n".join(layers(json.dumps(masked), 0))]
    assert masked["ResponseMetadata"] == parsed["ResponseMetadata"]
    assert "ASIA1" in json.dumps(masked) or protocol in ("ec2", "json")


def event(source, name, asked, answered):
    return {
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "requestParameters": asked,
        "responseElements": answered,
        "requestID": "9c1f7f0a-3f1c-9b1e-7a39-4b6a8d9d2f9c",
        "userIdentity": {"accessKeyId": "ASIAIOSFODNN7EXAMPLE", "type": "AssumedRole"},
        "additionalEventData": None,
        "readOnly": False,
    }


@pytest.mark.parametrize(
    ("source", "name", "asked", "answered", "secrets"),
    [
        ("sts", "AssumeRole", {"roleArn": "r"}, {"credentials": {"accessKeyId": "A", "sessionToken": "t-1"}}, ["t-1"]),
        ("iam", "CreateAccessKey", {"userName": "a"}, {"accessKey": {"secretAccessKey": "s-1"}}, ["s-1"]),
        ("rds", "CreateDBInstance", {"dBInstanceIdentifier": "d", "masterUserPassword": "p-1"}, None, ["p-1"]),
        ("ec2", "CreateVpnConnection", None, {"vpnConnection": {"customerGatewayConfiguration": "<psk>"}}, ["<psk>"]),
        ("ec2", "RunInstances", {"instancesSet": {"items": [{"userData": "dTox"}]}}, None, ["dTox"]),
        ("lambda", "UpdateFunctionConfiguration20150331v2", {"environment": {"variables": {"A": "v1"}}}, None, ["v1"]),
        ("monitoring", "PutDashboard", {"dashboardBody": f'{{"password": "{PASSWORD}"}}'}, None, [PASSWORD]),
        ("signin", "ConsoleLogin", {"password": "p-1"}, {"token": "t-1"}, ["p-1", "t-1"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_mask_05_cloudtrail_events_are_masked_in_their_own_spelling(source, name, asked, answered, secrets):
    trail_event = event(source, name, asked, answered)
    masked, paths = MASKER.event(trail_event)
    written = json.dumps(masked)
    assert not [secret for secret in secrets if secret in written]
    assert len(paths) == len(secrets)
    kept = ("eventSource", "eventName", "requestID", "userIdentity", "additionalEventData", "readOnly")
    assert {each: masked[each] for each in kept} == {each: trail_event[each] for each in kept}
    assert MASK.search(written)


def test_mask_03_an_event_without_a_secret_is_returned_itself():
    trail_event = event("s3", "ListBuckets", {"continuationToken": "t", "bucketName": "reports"}, None)
    assert MASKER.event(trail_event).value is trail_event


def test_mask_04_without_a_key_masks_have_no_tag(keyless):
    answer = {"Credentials": CREDENTIALS}
    masked = keyless.call("sts", "AssumeRole", CallDirection.OUTPUT, answer).value
    assert masked["Credentials"]["SecretAccessKey"] == masked["Credentials"]["SessionToken"] == "[masked credential]"


def marked_maps():
    """Each operation with a map whose names AWS marks: its event source and name, the part of the event, the member."""
    for service in MASKS.services():
        for name in MASKS.operations(service):
            shapes = MASKS.of(service, name)
            for part, start in (("requestParameters", shapes.input), ("responseElements", shapes.output)):
                waiting, seen = [start], set()
                while waiting:
                    at = waiting.pop()
                    if isinstance(at, int) and at not in seen:
                        seen.add(at)
                        waiting += shapes.shapes[at].values()
                        for member, ref in shapes.shapes[at].items():
                            if isinstance(ref, int) and KEYS in shapes.shapes[ref]:
                                yield service, name, part, member


SOURCES = {service: source for source, services in MASKS._events.items() for service in services}
MARKED = sorted({each for each in marked_maps() if each[0] in SOURCES})


def test_mask_01_there_are_marked_maps_in_events():
    assert ("apprunner", "CreateService", "requestParameters", "RuntimeEnvironmentVariables") in MARKED


@pytest.mark.parametrize(("service", "name", "part", "member"), MARKED)
def test_mask_01_the_names_of_marked_maps_are_masked_in_events(service: str, name: str, part: str, member: str):
    written = member[0].lower() + member[1:]
    holder = {written: {"first-name": "first", "second-name": "second"}, "kept": {"third-name": "third"}}
    event = {"eventSource": SOURCES[service], "eventName": name, part: {"configuration": holder}}
    masked = MASKER.event(event).value
    names = masked[part]["configuration"][written]
    assert len(names) == 2
    assert all(MASK.fullmatch(each) for each in names)
    assert not any(each in json.dumps(masked) for each in ("first-name", "second-name"))
    assert masked[part]["configuration"]["kept"] == {"third-name": "third"}  # only the marked map
    without = AwsMasker(MASKS, MASKER.tags, sensitive=False)
    assert without.event(event).value == event


def test_mask_01_the_values_of_marked_maps_are_masked_in_events():
    variables = {"runtimeEnvironmentVariables": {"REGION_A": "blue", "REGION_B": "green"}}
    event = {"eventSource": "apprunner.amazonaws.com", "eventName": "CreateService", "requestParameters": variables}
    masked, paths = MASKER.event(event)
    assert not any(each in json.dumps(masked) for each in ("REGION", "blue", "green"))
    assert len(paths) == 4
