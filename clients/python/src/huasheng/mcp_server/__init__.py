"""The MCP server ``huasheng-mcp``: what the client does, as tools (``pip install 'huasheng-client[mcp]'``)."""
