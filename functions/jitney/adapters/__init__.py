"""The edge towards AWS and the network: one port a file, the only importers of boto3 and HTTP."""
