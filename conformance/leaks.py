"""What a server, its nodes and their sandboxes leave on the machine: nothing, once they have ended."""

import os
import re
import time
from pathlib import Path


def stat(pid):
    """State and parent of a process; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return fields[0], int(fields[1])


def words(pid):
    """Its command line; empty when it is gone or nobody's."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def alive(pid):
    seen = stat(pid)
    return seen is not None and seen[0] != "Z"


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children(pid):
    """All descendants of a process, those in other namespaces, too."""
    parents = {}
    for one in processes():
        if seen := stat(one):
            parents.setdefault(seen[1], []).append(one)
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def named(pids, word):
    return [pid for pid in pids if word in words(pid)]


def launcher(node):
    """The launcher of a node agent."""
    return named(children(node), "__sandbox-launcher")[:1]


def supervisors(node, tags):
    """One per sandbox of this agent: its launcher, forked. They outlive a launcher that was killed."""
    ours = [pid for pid in named(processes(), "__sandbox-launcher") if any(tag in word for tag in tags for word in words(pid))]
    parents = {pid: seen[1] for pid in ours if (seen := stat(pid)) and seen[0] != "Z"}
    launchers = {pid for pid, parent in parents.items() if parent == node}
    return [pid for pid, parent in parents.items() if pid not in launchers and (parent in launchers or parent not in parents)]


def gone(pids, seconds=15):
    """Whether these processes end in time."""
    return settles(lambda: not any(alive(pid) for pid in pids), seconds)


def settles(holds, seconds=15):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def tags(pids):
    """Names of the control groups that agents keep their sandboxes in."""
    found = set()
    for pid in pids:
        try:
            found |= set(re.findall(r"/(biplane-[0-9a-f]{16})/", Path(f"/proc/{pid}/cgroup").read_text()))
        except OSError:
            pass
    return found


class Leaks:
    """What is below one directory. `note` while things run there, `check` after their end."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.tags = set()

    def note(self, pid):
        """Remembers what a server or node has now that could stay."""
        self.tags |= tags(children(pid))

    def users(self):
        """Processes that run, have open or have mounted anything below the directory."""
        found = {}
        for pid in processes():
            if pid == os.getpid() or not alive(pid):
                continue
            reasons = [word for word in words(pid) if self.directory in word]
            try:
                reasons += [line for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines() if self.directory in line]
                targets = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
                reasons += [target for target in targets if self.directory in target]
            except OSError:
                pass
            if reasons:
                found[pid] = (words(pid)[:4], reasons[:3])
        return found

    def sandboxes(self):
        """Directories of sandboxes of every node below, and their disks."""
        found = []
        for root, directories, _ in os.walk(self.directory):
            if "sandboxes" in directories:
                # Not deeper: what is below them goes while one looks.
                directories.remove("sandboxes")
                found += [path for path in Path(root, "sandboxes").glob("*") if path.is_dir()]
        # `<bytes>.ext4` is what disks of that size are copied from.
        disks = [disk for path in found if path.name == "disks" for disk in path.iterdir() if not disk.stem.isdigit()]
        found = [path for path in found if path.name != "disks"]
        return sorted(map(str, [*found, *disks]))

    def sockets(self):
        """Unix sockets that somebody listens on below the directory."""
        lines = Path("/proc/net/unix").read_text().splitlines()[1:]
        return [line.split()[-1] for line in lines if self.directory in line]

    def groups(self):
        found = []
        for root, directories, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(root, name) for name in directories if name in self.tags]
        return found

    def left(self):
        kinds = {"processes": self.users, "directories": self.sandboxes, "sockets": self.sockets, "control groups": self.groups}
        return {kind: what for kind, of in kinds.items() if (what := of())}

    def check(self, seconds=60):
        """Everything has ended."""
        if not settles(lambda: not self.left(), seconds):
            raise AssertionError(f"this stays of {self.directory}: {self.left()}")

    def steady(self, node, known, seconds=15):
        """A node agent that goes on has as many sandboxes as are known, and of nothing more than of those."""

        def counts():
            names = {os.path.basename(path) for path in self.sandboxes() if os.path.isdir(path)}
            inside = [sum(path.name in names for path in Path(group).rglob("*") if path.is_dir()) for group in self.groups()]
            return known(), len(names), len(supervisors(node(), self.tags)), inside

        def right():
            number, directories, supervised, inside = counts()
            return number == directories == supervised and all(found == number for found in inside)

        if not settles(right, seconds):
            raise AssertionError(f"sandboxes known, their directories, supervisors and control groups: {counts()}")
