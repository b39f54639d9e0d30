"""Names of the stack `JitneyConformance`, for modules that must not import CDK."""

STACK = "JitneyConformance"
KEY_SET, ACCOUNT, REGION = "JITNEY_CONFORMANCE_KEY_SET", "JITNEY_CONFORMANCE_ACCOUNT", "JITNEY_CONFORMANCE_REGION"
