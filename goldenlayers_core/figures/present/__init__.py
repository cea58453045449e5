"""In front of people: figures."""
