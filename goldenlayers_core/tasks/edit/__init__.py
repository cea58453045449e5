"""Editing a fact: work."""
