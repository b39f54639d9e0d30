"""How credentials reach a program: held, cached, served, and written into a profile."""
