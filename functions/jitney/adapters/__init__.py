"""The edge towards AWS and the network: one port a file. No other room imports boto3 or an HTTP client."""
