"""A network between a server and a node that can fail: the node in a namespace of its own, a router between
them. Needs root, as the whole suite does."""

import itertools
import os
import subprocess

numbers = itertools.count(os.getpid() % 4000 * 8)


def run(*words):
    subprocess.run(words, check=True, capture_output=True, text=True)


class Link:
    """`server` is an address of this machine that the node reaches only through the router."""

    def __init__(self):
        number = next(numbers)
        self.node, self.router = f"bpn{number}", f"bpr{number}"
        net = [f"10.{200 + number // 8192 % 50}.{number // 32 % 256}.{number % 32 * 8 + offset}" for offset in (1, 2, 5, 6)]
        self.server, near, far, there = net
        self.address = there
        self.outside = f"bpo{number}"
        run("ip", "netns", "add", self.router)
        try:
            run("ip", "netns", "add", self.node)
            run("ip", "link", "add", self.outside, "type", "veth", "peer", "name", "near", "netns", self.router)
            run("ip", "-n", self.router, "link", "add", "far", "type", "veth", "peer", "name", "way", "netns", self.node)
            run("ip", "addr", "add", f"{self.server}/30", "dev", self.outside)
            run("ip", "-n", self.router, "addr", "add", f"{near}/30", "dev", "near")
            run("ip", "-n", self.router, "addr", "add", f"{far}/30", "dev", "far")
            run("ip", "-n", self.node, "addr", "add", f"{there}/30", "dev", "way")
            run("ip", "link", "set", self.outside, "up")
            for name, device in [(self.router, "near"), (self.router, "far"), (self.router, "lo"), (self.node, "way"), (self.node, "lo")]:
                run("ip", "-n", name, "link", "set", device, "up")
            run("ip", "route", "add", f"{there}/32", "via", near)
            run("ip", "-n", self.node, "route", "add", "default", "via", far)
            self.heal()
        except BaseException:
            self.remove()
            raise

    def inside(self):
        """What a command begins with that is to run where the node is."""
        return ["nsenter", f"--net=/run/netns/{self.node}"]

    def close(self, *services):
        """Nothing comes in to the node but answers of these `host:port`. As no connection is known to the router
        (its kernel need not have netfilter), these are told by where they come from."""
        run("ip", "-n", self.router, "route", "add", "default", "via", self.server)
        ends = [service.rsplit(":", 1) for service in services]
        rules = [["from", host, "ipproto", "tcp", "sport", port, "lookup", "main"] for host, port in ends]
        for number, rule in enumerate([*rules, ["prohibit"]]):
            run("ip", "-n", self.router, "rule", "add", "priority", str(100 + number), "iif", "near", *rule)

    def _forward(self, device, on):
        path = f"/proc/sys/net/ipv4/conf/{device}/forwarding"
        run("ip", "netns", "exec", self.router, "sh", "-c", f"echo {int(on)} > {path}")

    def cut(self, direction="both"):
        """What is sent is lost without a word."""
        if direction in ("both", "to_server"):
            self._forward("far", False)
        if direction in ("both", "to_node"):
            self._forward("near", False)

    def heal(self):
        self._forward("far", True)
        self._forward("near", True)

    def narrow(self, rate):
        """No more than this goes through in each direction: `4mbit`."""
        for device in ("near", "far"):
            run("ip", "netns", "exec", self.router, "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "32kb", "latency", "200ms")

    def remove(self):
        for name in (self.node, self.router):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.outside], capture_output=True)
