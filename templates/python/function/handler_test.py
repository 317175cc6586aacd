import unittest
from types import SimpleNamespace

from .handler import handle


class HandlerTest(unittest.TestCase):
    def test_says_hello_and_gives_back_what_it_received(self):
        event = SimpleNamespace(body="hi", headers={}, method="POST", query={}, path="/")
        self.assertEqual(handle(event, None), {"message": "Hello from Python", "method": "POST", "received": "hi"})
