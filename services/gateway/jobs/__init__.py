"""Durable jobs: the queue that runs them, their state and steps, and what each kind does (``handlers``)."""
