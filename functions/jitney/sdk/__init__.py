"""The Python SDK: boto3 sessions whose calls use a grant. `import jitney` offers its names."""
