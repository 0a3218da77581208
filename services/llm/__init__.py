"""Language model proxy: a conversation in, an answer out, piece by piece."""
