"""What the tests themselves rely on, wherever they are run."""

import signal
import subprocess
import sys

from tests.conftest import ROOT

LAUNCHES = """
import subprocess, sys
from tests.conftest import pytest_configure

pytest_configure()
told = "import signal; print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP))"
subprocess.run([sys.executable, "-c", told], check=True)
"""


def test_what_tests_start_hears_signals_that_a_job_in_the_background_ignores():
    ignoring = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh"]
    command = [*ignoring, sys.executable, "-c", LAUNCHES]
    reported = subprocess.check_output(command, cwd=ROOT, text=True)
    assert "default_int_handler" in reported
    assert reported.split()[-1] == str(signal.SIG_DFL.value)
