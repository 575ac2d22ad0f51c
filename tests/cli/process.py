"""The command line in a process of its own, without the wait for PyTorch: each is forked off one that has read all libraries."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.strict import PYTHON

ROOT = Path(__file__).parents[2]
_LIBRARIES = (
    "torch", "scipy.ndimage", "scipy.optimize", "scipy.sparse", "pandas", "xarray", "h5netcdf", "zarr", "rasterio", "pyproj", "dask.array",
    "stormcell.benchmark.run", "stormcell.data.archive", "stormcell.data.read", "stormcell.methods", "stormcell.products.netcdf",
)  # fmt: skip
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def stormcell(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``stormcell WORDS``: exit status and what was printed. Environment and folder are those of the test, warnings are errors."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        asked = {"words": list(map(str, words)), "cwd": str(cwd or Path.cwd()), "environment": os.environ | {"COLUMNS": "200"}}
        status = _asked(_server(), asked | {"output": str(output), "errors": str(errors)})
        return subprocess.CompletedProcess(["stormcell", *words], status, output.read_text(), errors.read_text())


def stormcell_afresh(*words: object) -> subprocess.CompletedProcess[str]:
    """The same in a new process, which reads for itself what it needs: what a person waits for."""
    command = [*PYTHON, "-c", "from stormcell.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})


def _asked(server: subprocess.Popen[str], asked: dict[str, object]) -> int:
    assert server.stdin is not None and server.stdout is not None
    try:
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline())
    except BaseException:  # a test that was stopped: its answer is not to be taken for the next one's
        server.kill()
        _server.cache_clear()
        raise


@cache
def _server() -> subprocess.Popen[str]:
    command = [*PYTHON, "-c", "from tests.cli.process import serve; serve()"]
    places = {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process with more is not to be forked
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread | places)
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.close()
    server.wait(timeout=30)
    server.stdout.close()


def serve() -> None:
    """Read the libraries; then, for each line that is asked, run the command line in a child and say its exit status."""
    for name in _LIBRARIES:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return _run(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(words: list[str], cwd: str, environment: dict[str, str], output: str, errors: str) -> None:
    from stormcell.cli import main

    for number, (path, how) in enumerate([(os.devnull, os.O_RDONLY), (output, _NEW), (errors, _NEW)]):
        opened = os.open(path, how)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = ["-c", *words]
    main()
