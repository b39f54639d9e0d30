"""Does what `cdk bootstrap` and `cdk deploy` do, for the emulator and without the CDK CLI."""
