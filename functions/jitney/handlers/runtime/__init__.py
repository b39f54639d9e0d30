"""What every function runs in: its ports, the form of events and answers, the log and the metrics."""
