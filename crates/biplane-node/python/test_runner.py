"""The runner over a socket pair, without a sandbox: `python3 -m unittest test_runner` in this directory."""

import socket
import tempfile
import threading
import unittest

import runner
import worker


class Client:
    def __init__(self):
        ours, theirs = socket.socketpair()
        self.socket, self.frames, self.pending, self.number = ours, runner.Frames(), [], 0
        self.socket.settimeout(30)
        self.directory = tempfile.TemporaryDirectory()
        self.runner = runner.Runner(theirs, self.directory.name)
        self.thread = threading.Thread(target=self.runner.run)
        self.thread.start()
        self.until("hello")

    def close(self):
        self.socket.close()
        self.thread.join(30)
        for context in self.runner.contexts.values():
            context.close()
        self.runner.relay.close()
        self.directory.cleanup()

    def send(self, **frame):
        self.socket.sendall(runner.encode(frame))

    def until(self, event):
        printed = ""
        while True:
            while self.pending:
                frame = self.pending.pop(0)
                if frame["event"] == event:
                    return printed, frame
                printed += frame.get("text", "")
            self.pending += self.frames.feed(self.socket.recv(1 << 16))

    def run(self, code, cancel=False):
        self.number += 1
        self.send(op="execute", context="c", command=str(self.number), code=code)
        if cancel:
            self.send(op="cancel", context="c", command=str(self.number))
        printed, frame = self.until("finished")
        return printed, frame["result"]


class RunnerTest(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)
        self.client.send(op="create", context="c")
        self.client.until("created")

    def test_values_and_output(self):
        printed, result = self.client.run("x = 41\nprint('hello')\nx + 1")
        self.assertEqual((printed, result["text"]), ("hello\n", "42"))
        self.assertNotIn("text", self.client.run("x;")[1])
        self.assertEqual(self.client.run("_")[1]["text"], "42")

    def test_errors_have_frames_of_the_user_alone(self):
        error = self.client.run("def f():\n    1 / 0\nf()")[1]["error"]
        self.assertEqual(error["name"], "ZeroDivisionError")
        self.assertIn("in f", error["traceback"])
        self.assertNotIn("worker.py", error["traceback"])

    def test_an_interrupt_before_the_first_line_counts(self):
        self.client.run("kept = 1")
        for _ in range(10):
            self.assertTrue(self.client.run("while True: pass", cancel=True)[1]["cancelled"])
        self.assertEqual(self.client.run("kept")[1]["text"], "1")

    def test_what_ends_is_said_and_begun_anew(self):
        self.assertIn("exit code 3", self.client.run("import os; os._exit(3)")[1]["error"]["message"])
        self.assertIn("SIGKILL", self.client.run("import os; os.kill(os.getpid(), 9)")[1]["error"]["message"])
        self.assertEqual(self.client.run("1")[1]["text"], "1")

    def test_what_ignores_interrupts_is_killed(self):
        code = "import time\nwhile True:\n    try: time.sleep(1)\n    except KeyboardInterrupt: pass"
        result = self.client.run(code, cancel=True)[1]
        self.assertTrue(result["cancelled"] and result["error"])

    def test_much_output_is_cut(self):
        printed, result = self.client.run("print('x' * 3_000_000)")
        self.assertEqual(len(printed), runner.OUTPUT_BYTES_MAX)
        self.assertTrue(result["truncated"])

    def test_nonsense_from_user_code_ends_its_interpreter(self):
        code = "import os\nfor fd in range(3, 30):\n    try: os.write(fd, b'\\xff' * 8)\n    except OSError: pass\nimport time; time.sleep(60)"
        self.assertIn("broke", self.client.run(code)[1]["error"]["message"])

    def test_a_destroyed_context_is_gone(self):
        self.client.send(op="destroy", context="c")
        self.client.until("destroyed")
        self.assertEqual(self.client.run("1")[1]["error"]["name"], "ContextLost")


class MagicTest(unittest.TestCase):
    def test_only_lines_that_are_no_python(self):
        self.assertEqual(worker.magics("'''\n%pip x\n'''"), "'''\n%pip x\n'''")
        self.assertEqual(worker.magics("a = 7\nb = (a\n%a)"), "a = 7\nb = (a\n%a)")
        self.assertEqual(worker.magics("%pip install x\n1"), "__biplane_magic__('%pip install x')\n1")


if __name__ == "__main__":
    unittest.main()
