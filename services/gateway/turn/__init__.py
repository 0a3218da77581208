"""One turn of a conversation, from question to video."""
