"""Long, bounded trials with large numbers: `make campaign NAME=photos`.

A module here has `main(arguments: list[str]) -> int`: it prints its figures and answers 0 when nothing
was found. The tests run the same code with small numbers.
"""
