"""Faces: detection, mesh tracking, removal of the head pose, and picture warping."""
