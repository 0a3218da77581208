"""``python -m huasheng.mcp_server``."""

from huasheng.mcp_server.entry import main

if __name__ == "__main__":
    main()
