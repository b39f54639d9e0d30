"""The documentation as a site, with a section for each role, a search and the reference of the HTTP API."""
