"""Masks secrets before anything is stored, sent or logged (rows MASK 1-5, AUD 7)."""
