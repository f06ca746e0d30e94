"""The examples are projects of their own: `test_examples.py` runs their tests, each in its own surroundings."""

collect_ignore_glob = ["*/*"]
