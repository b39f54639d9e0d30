"""The local endpoint: an AWS endpoint on this machine that makes an SDK's calls through the broker."""
