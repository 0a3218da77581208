"""JoyGen and MuseTalk as the render service's own code: networks, checkpoints, sound, geometry, drawing.

Method: Wang et al. 2025, "JoyGen: Audio-Driven 3D Depth-Aware Talking-Face Video Editing" (arXiv 2501.01798), and
Zhang et al. 2024, "MuseTalk" (arXiv 2410.10122). Written from the papers and from facts about the checkpoints.
"""
