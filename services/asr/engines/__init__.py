"""Recognition engines; ``registry`` names them."""
