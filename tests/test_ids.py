from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from mailtrap_py.ids import new_id


def test_an_id_is_24_hexadecimal_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", new_id())


def test_ids_sort_in_the_order_of_their_birth() -> None:
    # Fewer than the 65536 after which the counter begins again, which it may in the middle of a millisecond.
    ids = [new_id() for _ in range(1000)]

    wrapped = [number for number in range(1, len(ids)) if ids[number][12:16] < ids[number - 1][12:16]]
    assert ids == sorted(ids) or wrapped


def test_ids_of_many_threads_differ() -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: new_id(), range(2000)))

    assert len(set(ids)) == 2000


def test_ids_of_two_processes_differ_in_their_last_digits() -> None:
    program = "from mailtrap_py.ids import new_id; print(new_id())"
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()

    assert other[16:] != new_id()[16:]
