"""Editing a fact: figures."""
