#!/usr/bin/env python3
"""HTTP abuse against a real server on loopback: test_http.py PROGRAM."""
import http.client
import os
import socket
import subprocess
import sys
import time
import unittest

PROGRAM = sys.argv.pop(1)


class Http(unittest.TestCase):
    def setUp(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline())

    def tearDown(self):
        self.process.stdin.close()
        self.assertEqual(self.process.wait(10), 0)
        self.process.stdout.close()

    def open(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data):
        """Everything the server answers to these bytes."""
        with self.open() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass
            return b"".join(parts)

    def get(self, path="/livez"):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read()
        client.close()
        return answer.status, body

    def alive(self):
        self.assertEqual(self.get(), (200, b"ok\n"))

    def test_a_plain_client_reads_every_page(self):
        self.alive()
        self.assertEqual(self.get("/readyz"), (200, b"ready\n"))
        status, body = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn(b"nba_events_total 1\n", body)
        self.assertIn(b'nba_http_requests_total{path="/livez",code="200"} 1\n', body)
        self.assertEqual(self.get("/nothing")[0], 404)

    def test_requests_that_are_not_requests_get_4xx_or_nothing_and_the_server_lives(self):
        host = b"Host: localhost\r\n"
        for data in (b"\0" * 100, b"GET\r\n\r\n", b"GET /livez\r\n\r\n", b"\r\n" * 2000,
                     b"GET /\0 HTTP/1.1\r\n" + host + b"\r\n", b"A" * 9000,
                     b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                     b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"b" * (1 << 20),
                     b"GET /livez HTTP/9.9\r\n" + host + b"\r\n",
                     b"POST /livez HTTP/1.1\r\n" + host + b"Content-Length: 999999999\r\n\r\nx",
                     b"POST /livez HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\nx",
                     b"GET /livez HTTP/1.1\r\n" + host +
                     b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"):
            with self.subTest(data=data[:40]):
                answer = self.raw(data)
                self.assertRegex(answer[:12] or b"HTTP/1.1 400", rb"HTTP/1\.\d [45]\d\d")
                self.alive()

    def test_no_path_reaches_a_file(self):
        for path in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/metrics%00", "//etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "/metrics;x"):
            status, body = self.get(path)
            self.assertIn(status, (400, 404))
            self.assertNotIn(b"root:", body)

    def test_a_second_request_on_a_connection_is_not_served(self):
        request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(self.raw(request * 5).count(b"HTTP/1.1 200"), 1)

    def test_slow_clients_are_cut_after_ten_seconds_and_others_wait_no_longer(self):
        slow = [self.open() for _ in range(80)]
        for connection in slow:
            connection.sendall(b"GET /livez HT")
        began = time.monotonic()
        cut = 0
        while time.monotonic() - began < 30 and cut < len(slow):
            for connection in slow:
                try:
                    connection.sendall(b"T")  # a byte now and then keeps an idle timer from firing
                except OSError:
                    pass
            time.sleep(0.5)
            cut = sum(self.is_closed(c) for c in slow)
        self.assertEqual(cut, len(slow))
        self.alive()
        for connection in slow:
            connection.close()

    @staticmethod
    def is_closed(connection):
        connection.setblocking(False)
        try:
            return connection.recv(4096) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def test_thousand_connections_leave_no_descriptor_behind(self):
        fds = f"/proc/{self.process.pid}/fd"
        self.alive()
        time.sleep(0.5)
        before = len(os.listdir(fds))
        for _ in range(10):
            connections = [self.open() for _ in range(100)]
            for connection in connections:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertLess(len(os.listdir(fds)), before + 80)
            for connection in connections:
                connection.close()
        self.alive()
        for _ in range(100):
            if len(os.listdir(fds)) <= before:
                break
            time.sleep(0.1)
        self.assertLessEqual(len(os.listdir(fds)), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
