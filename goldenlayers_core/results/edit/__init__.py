"""Editing a fact: answers."""
