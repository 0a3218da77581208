"""Many users at once: how much a system carries, and whether everybody gets their own answer."""
