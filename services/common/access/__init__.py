"""Who may call the services: settings, tokens, certificates."""
