"""The edge to AWS and the network: one port per file. No other room imports botocore or an HTTP client."""
