"""Proof that audit records are unchanged: signed and chained seals over them."""
