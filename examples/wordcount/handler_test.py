import unittest
from types import SimpleNamespace

from .handler import handle


def count(body, **query):
    return handle(SimpleNamespace(body=body, query=query), None)


class WordCountTest(unittest.TestCase):
    def test_counts_lines_words_characters_and_bytes(self):
        answer = count("The bee,\nthe hive – naïve\n")
        self.assertEqual([answer[key] for key in ("lines", "words", "characters", "bytes")], [2, 5, 26, 29])

    def test_ranks_words_without_regard_to_case(self):
        self.assertEqual(count("b a A", top="1")["common"], [{"word": "a", "count": 2}])

    def test_counts_nothing_in_nothing(self):
        self.assertEqual(count("")["words"], 0)

    def test_refuses_what_is_no_text(self):
        self.assertEqual(count({"a": 1})["statusCode"], 415)
        self.assertEqual(count(b"\xff")["statusCode"], 415)
        self.assertEqual(count("a", top="many")["statusCode"], 400)
