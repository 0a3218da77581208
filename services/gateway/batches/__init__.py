"""Many videos from one template: a table of rows, each of which becomes a video job when there is place for it."""
