"""What is done to the program on purpose, again and again: `make torture` prints what was tried and what was lost."""
