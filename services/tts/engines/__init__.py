"""Speech engines, one folder each; ``registry`` names them."""
