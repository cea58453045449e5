"""Commands of the command line that `__main__` registers, and what all of them share (`console`)."""
