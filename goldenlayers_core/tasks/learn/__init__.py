"""The lessons and the classroom: work."""
