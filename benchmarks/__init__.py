"""Every figure in the docs comes from a program in this folder."""
