"""Live conversations over one WebSocket: ``docs/live.md`` describes the protocol."""
