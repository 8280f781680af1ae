"""Runs programs of the system, with their output in a log."""

from collections.abc import Mapping
from collections.abc import Sequence
import os
from pathlib import Path
import subprocess

from aio.step import Failure

# Long enough for a pip install over a slow line.
PATIENCE = 1800.0


def run(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None,
        cwd: Path | None = None, stdin: str | None = None, timeout: float = PATIENCE,
        fix: str = '') -> None:
    """Run to the end, append the output to ``log``, and fail when the program does.

    :param env: variables that are added to this process's own
    :param timeout: in seconds
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a') as out:
        out.write(f'+ {" ".join(map(str, command))}\n')
        out.flush()
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                                  input=stdin, text=True, timeout=timeout, check=False,
                                  env={**os.environ, **(env or {})})
        except FileNotFoundError as error:
            raise Failure(f'{command[0]} is not installed', fix=fix) from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f'{command[0]} took more than {timeout:.0f} s', log=log,
                          fix=fix) from error
    if done.returncode:
        raise Failure(f'{command[0]} ended with {done.returncode}', log=log, fix=fix)


def output(command: Sequence[str | Path], *, timeout: float = 20.0) -> str:
    """What a quick program prints.  Fails when the program does."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                              check=True)
    except FileNotFoundError as error:
        raise Failure(f'{command[0]} is not installed') from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f'{command[0]} took more than {timeout:.0f} s') from error
    except subprocess.CalledProcessError as error:
        raise Failure(f'{" ".join(map(str, command))}: {error.stderr.strip()}') from error
    return done.stdout


def succeeds(command: Sequence[str | Path], *, timeout: float = 20.0) -> bool:
    """Whether a quick program ends with 0."""
    try:
        output(command, timeout=timeout)
    except Failure:
        return False
    return True
