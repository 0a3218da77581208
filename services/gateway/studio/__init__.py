"""Videos of several scenes: script, speech, plan, drawing, subtitles, sound, joining. See docs/studio.md."""
