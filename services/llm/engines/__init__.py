"""Language engines; ``registry`` names them."""
