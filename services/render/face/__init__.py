"""Faces: finding them, following their mesh, taking head pose out, and warping pictures."""
