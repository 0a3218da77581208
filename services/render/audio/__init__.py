"""Audio features that several engines use."""
