"""The Huasheng services; each folder is one container."""
