"""The lessons and the classroom: figures."""
