"""False alarms (row MASK 3): in AWS's own examples of parameters and answers, only secrets are masked."""

import gzip
import json
from pathlib import Path

import botocore
import pytest

from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import MaskTags
from tests.core.masking.conftest import KEY, MASKS

DATA = Path(botocore.__file__).parent / "data"
CONTENT = AwsMasker(MASKS, MaskTags(lambda: KEY), sensitive=False)

# Everything in AWS's examples that is masked although AWS does not mark it: each of them is a secret.
SECRETS = """
    devicefarm CreateUpload output upload.url
    dms CreateEndpoint input Password
    ecs DescribeTaskDefinition output taskDefinition.containerDefinitions[1].environment[0].value
    elasticbeanstalk RetrieveEnvironmentInfo output EnvironmentInfo[0].Message
    iam ChangePassword input NewPassword
    iam ChangePassword input OldPassword
    iam CreateAccessKey output AccessKey.SecretAccessKey
    iam CreateLoginProfile input Password
    iam UpdateLoginProfile input Password
    iam UploadServerCertificate input PrivateKey
    kms CreateCustomKeyStore input KeyStorePassword
    kms Decrypt output Plaintext
    kms Encrypt input Plaintext
    kms GenerateDataKey output Plaintext
    kms GenerateDataKeyPair output PrivateKeyPlaintext
    kms GenerateRandom output Plaintext
    kms UpdateCustomKeyStore input KeyStorePassword
    rds CreateDBCluster input MasterUserPassword
    rds CreateDBInstance input MasterUserPassword
    rds ModifyDBCluster input MasterUserPassword
    rds ModifyDBInstance input MasterUserPassword
    secretsmanager CreateSecret input SecretString
    secretsmanager GetRandomPassword output RandomPassword
    secretsmanager GetSecretValue output SecretString
    secretsmanager PutSecretValue input SecretString
    secretsmanager UpdateSecret input SecretString
    snowball GetJobUnlockCode output UnlockCode
    ssm-contacts ActivateContactChannel input ActivationCode
    storagegateway DescribeChapCredentials output ChapCredentials[0].SecretToAuthenticateInitiator
    storagegateway DescribeChapCredentials output ChapCredentials[0].SecretToAuthenticateTarget
    storagegateway SetLocalConsolePassword input LocalConsolePassword
    storagegateway UpdateChapCredentials input SecretToAuthenticateInitiator
    storagegateway UpdateChapCredentials input SecretToAuthenticateTarget
    sts AssumeRole output Credentials.SecretAccessKey
    sts AssumeRole output Credentials.SessionToken
    sts AssumeRoleWithSAML input SAMLAssertion
    sts AssumeRoleWithSAML output Credentials.SecretAccessKey
    sts AssumeRoleWithSAML output Credentials.SessionToken
    sts AssumeRoleWithWebIdentity input WebIdentityToken
    sts AssumeRoleWithWebIdentity output Credentials.SecretAccessKey
    sts AssumeRoleWithWebIdentity output Credentials.SessionToken
    sts GetFederationToken output Credentials.SecretAccessKey
    sts GetFederationToken output Credentials.SessionToken
    sts GetSessionToken input TokenCode
    sts GetSessionToken output Credentials.SecretAccessKey
    sts GetSessionToken output Credentials.SessionToken
"""


def examples():
    for path in sorted(DATA.glob("*/*/examples-1.json*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for operation, listed in json.loads(data)["examples"].items():
            for example in listed:
                for end in CallDirection:
                    if example.get(end):
                        yield path.parts[-3], operation, end, example[end]


EXAMPLES = list(examples())


def test_there_are_enough_examples():
    assert len(EXAMPLES) > 2000


def test_mask_03_only_secrets_in_awss_examples_are_masked():
    found = {
        f"{service} {operation} {end} {path}"
        for service, operation, end, value in EXAMPLES
        for path in CONTENT.call(service, operation, end, value).paths
    }
    assert found == {line.strip() for line in SECRETS.strip().splitlines()}


@pytest.mark.parametrize(
    "name", ["nextToken", "NextToken", "ClientToken", "ClientRequestToken", "VersionId", "RequestId"]
)
def test_mask_03_common_data_is_kept(name):
    named = [each for each in EXAMPLES if f'"{name}"' in json.dumps(each[3])]
    for service, operation, end, value in named:
        masked = CONTENT.call(service, operation, end, value).value
        assert found(masked, name) == found(value, name)


def found(value, name):
    if isinstance(value, dict):
        return [each for key, held in value.items() for each in ([held] if key == name else found(held, name))]
    return [each for held in value for each in found(held, name)] if isinstance(value, list) else []
