"""Builds what Python sandboxes need on this host, with the interpreter that will run in them.

build.py describe                      what the interpreter is, as JSON
build.py build DIRECTORY REQUIREMENTS [SOURCES BUILDER]
                                       installs the packages of the image into DIRECTORY/packages, and writes into
                                       DIRECTORY/libraries.json what it and they need of the host; ends with its stdin.
                                       Those of SOURCES are built with the packages of BUILDER.
"""

import compileall
import glob
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading

PYTHON_MIN, PYTHON_MAX = (3, 11), (3, 14)


def describe():
    executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    stdlib = sysconfig.get_path("stdlib")
    supported = PYTHON_MIN <= sys.version_info[:2] <= PYTHON_MAX and sys.implementation.name == "cpython"
    print(
        json.dumps(
            {
                "version": sys.version.split()[0],
                "tag": f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}",
                "supported": supported,
                "executable": executable,
                "stdlib": sorted({stdlib, sysconfig.get_path("platstdlib")}),
            }
        )
    )


def loader(executable):
    """The dynamic loader of this machine, as the interpreter asks for it."""
    with open(executable, "rb") as file:
        found = re.search(rb"/lib[^\0]*/ld-[^\0]*\.so[^\0]*", file.read(1 << 20))
    return found.group().decode() if found else None


def libraries(executable, shared):
    """The files of the host that these shared objects are linked with."""
    ld, found = loader(executable), set()
    if ld is None:
        return []
    for path in shared:
        listed = subprocess.run([ld, "--list", path], capture_output=True, text=True, env={})
        for line in listed.stdout.splitlines():
            target = line.rsplit(" => ", 1)[-1].strip().rsplit(" (", 1)[0]
            if target.startswith("/"):
                found.add(target)
    return sorted(found)


def end_with_parent():
    # Not through `sys.stdin`: children that are forked meanwhile would inherit its lock.
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def installer(scratch):
    """An interpreter like this one that has pip: Debian's comes without."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    if not importlib.util.find_spec("ensurepip"):
        sys.exit(f"{sys.executable} has neither pip nor ensurepip: install python3-venv or python3-pip on this host")
    subprocess.run([sys.executable, "-m", "venv", scratch], check=True, stdin=subprocess.DEVNULL)
    return os.path.join(scratch, "bin", "python")


def pip(python, target, requirements, *options, **environment):
    done = subprocess.run(
        [python, "-m", "pip", "install", "--require-hashes", "--no-compile", "--no-cache-dir", "--no-input",
         "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action", "ignore", "--quiet",
         "--target", target, *options, "-r", requirements],
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, **environment),
    )  # fmt: skip
    if done.returncode:
        # What it said last is the reason.
        sys.exit(done.returncode)


def build(directory, requirements, sources=None, builder=None):
    threading.Thread(target=end_with_parent, daemon=True).start()
    # Sandboxes read it as users of their own.
    os.umask(0o022)
    packages = os.path.join(directory, "packages")
    with tempfile.TemporaryDirectory() as scratch:
        python = installer(os.path.join(scratch, "venv"))
        pip(python, packages, requirements, "--only-binary", ":all:")
        if sources:
            tools = os.path.join(scratch, "tools")
            pip(python, tools, builder, "--only-binary", ":all:")
            pip(python, packages, sources, "--no-binary", ":all:", "--no-deps", "--no-build-isolation", "--use-pep517", PYTHONPATH=tools)
    # The image is read-only: what is not compiled now is compiled at every start.
    compileall.compile_dir(packages, quiet=2, workers=0, rx=re.compile(r"/tests?/"))
    warm(packages)
    shared = glob.glob(os.path.join(packages, "**", "*.so*"), recursive=True)
    shared += glob.glob(os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload", "*.so"))
    inside = os.path.realpath(packages) + os.sep
    outside = [path for path in libraries(os.path.realpath(sys.executable), shared) if not os.path.realpath(path).startswith(inside)]
    with open(os.path.join(directory, "libraries.json"), "w") as file:
        json.dump(outside, file)


def warm(packages):
    """Matplotlib looks for fonts once, which takes seconds; only its own ones are there later."""
    cache = os.path.join(packages, "matplotlib-cache")
    code = (
        "import matplotlib, matplotlib.font_manager as f, os\n"
        "own = os.path.realpath(matplotlib.get_data_path())\n"
        "f.fontManager.ttflist = [e for e in f.fontManager.ttflist if os.path.realpath(e.fname).startswith(own)]\n"
        "f.fontManager.afmlist = [e for e in f.fontManager.afmlist if os.path.realpath(e.fname).startswith(own)]\n"
        "f.json_dump(f.fontManager, os.path.join(matplotlib.get_cachedir(), f'fontlist-v{f.FontManager.__version__}.json'))\n"
    )
    environment = dict(os.environ, MPLCONFIGDIR=cache, PYTHONPATH=packages, MPLBACKEND="agg")
    # Without it everything works, only later.
    subprocess.run([sys.executable, "-s", "-c", code], env=environment, capture_output=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1] == "describe":
        describe()
    else:
        build(*sys.argv[2:])
