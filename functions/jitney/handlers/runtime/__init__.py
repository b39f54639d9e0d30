"""What every function needs: its ports, the form of events and answers, the log and the metrics."""
