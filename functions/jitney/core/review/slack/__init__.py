"""Review in Slack: the buttons that people press, their identities, and the messages they see. Pure."""
