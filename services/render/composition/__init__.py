"""What becomes of the drawn pictures: cut, size, background, overlays, captions."""
