"""Human review: the people who may vote on a request, what a vote covers, and when the votes suffice."""
