"""Review in Slack: what people pressed there, who they are, and what they are shown. Pure."""
