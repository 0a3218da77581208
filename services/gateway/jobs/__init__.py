"""What each kind of job does; ``HANDLERS`` names them."""
