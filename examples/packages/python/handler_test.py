import unittest

from .handler import handle


class HandlerTest(unittest.TestCase):
    def test_counts_with_a_package_of_the_lock_file(self):
        self.assertEqual(handle(None, None), {"message": "one bee, two bees"})
