"""In front of people: answers."""
