"""The edge to AWS and the network: one port per file. No other room imports boto3 or an HTTP client."""
