"""GPT-SoVITS: its processes, what travels to and from them, and keeping them alive."""
