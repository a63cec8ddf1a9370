"""A server of moto for each account that is asked for, forked from one process that has loaded moto: to load it takes two
seconds, to fork it a hundredth of that. A line on stdin asks for one: `PORT LOG`. Its process id comes back as a line on stdout.
The servers die with this process, and this one ends with its stdin."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

from moto.backends import get_backend

# What tests of `create` call; moto loads a service when it is first called.
SERVICES = ("cloudformation", "ec2", "eks", "iam", "kms", "sts")

# <sys/prctl.h>
PR_SET_PDEATHSIG = 1


def run(serve: Callable[[list[str]], None]) -> None:
    """Forks servers until stdin ends. `serve` takes the command line of `moto_server`."""
    for service in SERVICES:
        get_backend(service)
    libc = ctypes.CDLL(None)
    # The kernel then reaps them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        port, log = line.rstrip("\n").split(" ", 1)
        child = os.fork()
        if child == 0:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for stream in (1, 2):
                os.dup2(file, stream)
            serve(["-H", "127.0.0.1", "-p", port])
            os._exit(1)
        print(child, flush=True)
