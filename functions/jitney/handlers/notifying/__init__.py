"""The channels that notify reviewers."""
