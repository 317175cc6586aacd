import unittest

from handler import app


class HandlerTest(unittest.TestCase):
    def test_uses_the_package(self):
        self.assertEqual(app.test_client().post("/").text, "one bee, two bees\n")
