import unittest

from handler import app


class HandlerTest(unittest.TestCase):
    def test_says_hello_and_gives_back_what_it_received(self):
        answer = app.test_client().post("/", data="hi", content_type="text/plain")
        self.assertEqual(answer.get_json(), {"message": "Hello from Flask", "method": "POST", "received": "hi"})
