"""In front of people: work."""
