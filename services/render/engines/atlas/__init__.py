"""The atlas renderer: a person's own mouth pictures, chosen by shape, warped into the frame at hand and blended in."""
