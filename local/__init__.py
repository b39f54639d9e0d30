"""The whole system on one machine: emulator, deployment, identity provider, Slack sink and mailbox."""
