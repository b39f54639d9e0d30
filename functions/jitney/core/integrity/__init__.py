"""What proves that the audit records are those that were written: seals over them, signed and chained."""
