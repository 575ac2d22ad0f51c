"""Nobody is left to end the child of a process that was killed."""

import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from stormcell.service.end_with_parent import end_with_parent

PARENT = """
import multiprocessing
from tests.service.test_end_with_parent import child
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""


def child() -> None:
    end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(100)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of other systems")
def test_a_killed_parent_takes_its_child_along(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(("src", "."))}
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)  # it is there
        parent.kill()
        killed = time.monotonic()
        parent.stdout.read()  # the child holds the pipe open as long as it lives
        assert time.monotonic() - killed < 50, "it went on to its own end"


def test_without_a_parent_nothing_can_be_watched():
    assert multiprocessing.parent_process() is None
    with pytest.raises(RuntimeError, match="not started by multiprocessing"):
        end_with_parent()
