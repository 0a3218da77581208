"""Text front end: splitting, normalisation and pronunciation of English, Chinese and mixed text."""
