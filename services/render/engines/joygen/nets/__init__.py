"""The networks, each with the parameter names of its published checkpoint."""
