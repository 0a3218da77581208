"""Reading and writing pictures, sound and MP4."""
