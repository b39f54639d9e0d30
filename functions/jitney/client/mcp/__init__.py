"""`jitney mcp`: a server of the Model Context Protocol, with which agents request access and call AWS."""
