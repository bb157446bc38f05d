"""The README's commands run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_every_block_runs(server):
    environment = {**os.environ, "DATABRICKS_CONFIG_FILE": str(server.config_file)}
    programs = [[sys.executable, "-c", block] for block in blocks("python")] + [["sh", "-ec", block] for block in blocks("sh")]
    assert len(programs) == 7
    for program in programs:
        done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{program[-1]}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), f"it printed nothing:\n{program[-1]}"
        assert "Traceback" not in done.stdout, done.stdout
