"""From speech to mouth: visemes of phonemes, estimates from sound alone, and the track that a face follows."""
