import re
from collections import Counter

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def handle(event, context):
    """Text in; lines, words, characters, bytes and the most common words out. `?top=N` sets how many (default 10)."""
    top = event.query.get("top", "10")
    if not isinstance(top, str) or not re.fullmatch(r"[0-9]{1,3}", top):
        return {"statusCode": 400, "body": {"error": "top must be a number from 0 to 999"}}
    text = event.body
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            text = None
    if not isinstance(text, str):
        return {"statusCode": 415, "body": {"error": "send text, with Content-Type: text/plain"}}
    words = Counter(word.lower() for word in WORD.findall(text))
    # Equally common words are in the order of the alphabet, so that the same text gives the same answer.
    ranked = sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "lines": len(text.splitlines()),
        "words": sum(words.values()),
        "characters": len(text),
        "bytes": len(text.encode()),
        "common": [{"word": word, "count": count} for word, count in ranked[: int(top)]],
    }
