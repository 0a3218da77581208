"""Speech synthesis: text in, speech and its phoneme timing out."""
