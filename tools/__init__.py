"""Programs for people and tests around the services: run the system, show the main job, make generated files."""
