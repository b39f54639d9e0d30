"""What is secret is masked before anything is written, told or logged: rows MASK 1-5, AUD 7."""
