"""Read and validate jitney.yaml and its policies."""
