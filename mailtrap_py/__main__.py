"""`python -m mailtrap_py` is `mailtrap-py`."""

from mailtrap_py.cli import main

if __name__ == "__main__":
    main()
