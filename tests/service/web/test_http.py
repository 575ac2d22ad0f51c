"""The server as a process: it answers, adds up what several processes count, and ends when it is told to."""

import signal
import socket
import subprocess
import sys
import time

import httpx2 as httpx
import pytest

from stormcell.errors import StormcellError
from stormcell.service.http import serve_http

PROGRAM = """
import sys
from stormcell.service.http import serve_http
from stormcell.service.settings import ServiceSettings
if __name__ == "__main__":
    serve_http(ServiceSettings.model_validate_json(sys.argv[1]), port=int(sys.argv[2]), workers=int(sys.argv[3]))
    print("tidied up")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_answers_and_ends(published, tmp_path, workers):
    port = free_port()
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), published.model_dump_json(), str(port), str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(300):
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
                break
            except httpx.ConnectError:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        for _ in range(20):  # each on a connection of its own
            assert httpx.get(f"http://127.0.0.1:{port}/v1/colours").status_code == 200
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert 'stormcell_http_requests_total{method="GET",route="/v1/colours",status="200"} 20.0' in text
        with httpx.stream("GET", f"http://127.0.0.1:{port}/v1/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: scan"
            process.send_signal(signal.SIGTERM)
            assert "event: forecast" in list(lines), "a stream ends when the process does"
        said, problems = process.communicate(timeout=30)
        assert process.returncode == 0 and said == "tidied up\n" and problems == ""
    finally:
        process.kill()
        process.communicate()


def test_an_address_that_is_taken(published):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StormcellError, match="is another service running there"):
            serve_http(published, port=taken.getsockname()[1])


def test_an_address_of_nobody(published):
    with pytest.raises(StormcellError, match="192.0.2.1"):
        serve_http(published, host="192.0.2.1", port=0)
