"""Training of the atlas engine: fits a person's mouth to recorded speech."""
