"""Profiles in the configuration of the AWS CLI."""
