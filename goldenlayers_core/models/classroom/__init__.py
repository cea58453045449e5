"""The classroom: a tiny transformer trained here on invented facts, with one fact planted in one known layer.

    place   names and folders (no torch)       facts   what it is taught (no torch)
    teach   the base model                     plant   one fact into one layer of it
    make    both, kept in the cache folder

Nothing is imported here, so that the light parts stay light.
"""
