"""The lessons and the classroom: answers."""
