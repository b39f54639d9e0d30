"""CloudTrail's names of services and operations that differ from botocore's by more than a version.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/logging-using-cloudtrail-data-api.html
https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/logging-using-cloudtrail.html
https://docs.aws.amazon.com/autoscaling/application/userguide/logging-using-cloudtrail.html
"""

from collections.abc import Mapping

FURTHER_SERVICES: Mapping[str, tuple[str, ...]] = {
    "amazonmq.amazonaws.com": ("mq",),
    "autoscaling.amazonaws.com": ("application-autoscaling",),
    "rdsdata.amazonaws.com": ("rds-data",),
    "rdsdataapi.amazonaws.com": ("rds-data",),
}
"""botocore's services by event source, in addition to those that an endpoint or a signing name shows."""
RENAMED_OPERATIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("s3.amazonaws.com", "DeleteAccountPublicAccessBlock"): ("s3control", "DeletePublicAccessBlock"),
    ("s3.amazonaws.com", "DeleteBucketPublicAccessBlock"): ("s3", "DeletePublicAccessBlock"),
    ("s3.amazonaws.com", "GetAccelerateConfiguration"): ("s3", "GetBucketAccelerateConfiguration"),
    ("s3.amazonaws.com", "GetAccountPublicAccessBlock"): ("s3control", "GetPublicAccessBlock"),
    ("s3.amazonaws.com", "GetBucketObjectLockConfiguration"): ("s3", "GetObjectLockConfiguration"),
    ("s3.amazonaws.com", "GetBucketPublicAccessBlock"): ("s3", "GetPublicAccessBlock"),
    ("s3.amazonaws.com", "PutAccelerateConfiguration"): ("s3", "PutBucketAccelerateConfiguration"),
    ("s3.amazonaws.com", "PutAccountPublicAccessBlock"): ("s3control", "PutPublicAccessBlock"),
    ("s3.amazonaws.com", "PutBucketObjectLockConfiguration"): ("s3", "PutObjectLockConfiguration"),
    ("s3.amazonaws.com", "PutBucketPublicAccessBlock"): ("s3", "PutPublicAccessBlock"),
    ("s3express.amazonaws.com", "CreateSession"): ("s3", "CreateSession"),
    ("s3express.amazonaws.com", "ListDirectoryBuckets"): ("s3", "ListDirectoryBuckets"),
}
"""botocore's service and operation, by event source and event name."""
