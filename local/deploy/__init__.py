"""From the checkout to a running stack: synthesize, then deploy to the emulator as CDK would to AWS."""
