"""Speech recognition: speech in, text out."""
