"""Proof that audit records are as they were written: seals over them, signed and chained."""
