"""Runs function/handler.py for one request.

The watchdog gives the request on stdin and in Http_* variables, and reads the answer from stdout: a CGI response head
(cgi_response=true), an empty line, the body. With prefork=N, or mode=zygote, the handler is loaded before there is a
request: skep_ahead.py waits for it.
"""

import inspect
import json
import os
import re
import sys
import traceback
from urllib.parse import parse_qs

NOT_HEADERS = {"Http_Method", "Http_Query", "Http_Path", "Http_ContentLength"}
# The watchdog frames the answer: these are its own.
FRAMING = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "proxy-connection"}
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BadRequest(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Event:
    """body, headers (lower-case names), method, query, path"""

    def __init__(self, body, headers, method, query, path):
        self.body = body
        self.headers = headers
        self.method = method
        self.query = query
        self.path = path


class Context:
    """Shapes the answer; status() and headers() can be chained."""

    def __init__(self):
        self._status = None
        self._headers = {}
        self.is_done = False
        self.result = None

    def status(self, code=None):
        if code is None:
            return self._status if self._status is not None else 200
        self._status = checked_status(code)
        return self

    def headers(self, headers=None):
        if headers is None:
            return self._headers
        self._headers.update(headers)
        return self

    def succeed(self, value=None):
        if not self.is_done:
            self.is_done = True
            self.result = value

    def fail(self, error="The function failed."):
        if self.is_done:
            return
        if self._status is None:
            self._status = 500
        self.succeed(str(error))


def checked_status(code):
    if isinstance(code, bool) or not isinstance(code, int) or not 200 <= code <= 599:
        raise ValueError(f"status {code!r} is not a code from 200 to 599")
    return int(code)


def read_headers(env):
    return {
        key[5:].replace("_", "-").lower(): value
        for key, value in env.items()
        if key.startswith("Http_") and key not in NOT_HEADERS
    }


def scrubbed(text):
    """Bytes that are no UTF-8 come as lone surrogates, which no JSON can hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parse_form(text):
    """A value given once is a string, given more than once a list."""
    parsed = parse_qs(text, keep_blank_values=True)
    return {key: values[0] if len(values) == 1 else values for key, values in parsed.items()}


def parse_size(text):
    """`100kb`, `2mb` or a number of bytes; unset is no limit."""
    if not text:
        return float("inf")
    match = re.fullmatch(r"(\d+)\s*(b|kb|mb|gb)?", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f'"{text}" is not a size such as 100kb')
    return int(match[1]) * 1024 ** ["b", "kb", "mb", "gb"].index((match[2] or "b").lower())


def parse_body(raw, content_type):
    media_type = (content_type or "text/plain").split(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    is_raw = os.environ.get("RAW_BODY") == "true"
    variable = "MAX_JSON_SIZE" if is_json and not is_raw else "MAX_RAW_SIZE"
    if len(raw) > parse_size(os.environ.get(variable)):
        raise BadRequest(413, f"The body is larger than {variable} allows.")
    if is_raw:
        return raw
    if is_json:
        if not raw:
            return {}
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadRequest(400, f"The body is not valid JSON: {error}") from error
    if media_type == "application/x-www-form-urlencoded":
        return parse_form(raw.decode("utf-8", "replace"))
    return raw.decode("utf-8", "replace") if media_type.startswith("text/") else raw


def is_response(value):
    """{"statusCode": …, "headers": …, "body": …}: statusCode or body must be there, and nothing else."""
    return isinstance(value, dict) and value.keys() <= {"statusCode", "headers", "body"} and ("statusCode" in value or "body" in value)


def encode_body(value):
    if value is None:
        return b"", None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), "application/octet-stream"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), "application/json"
    # Generators, sets, files, functions and objects that say nothing but where they are in memory.
    kind = type(value)
    is_mute = kind.__str__ is object.__str__ and (kind.__repr__ is object.__repr__ or callable(value))
    if not isinstance(value, str) and (hasattr(value, "__iter__") or is_mute):
        raise TypeError(f"the handler's answer is a {kind.__name__}: text, bytes, dicts and lists can be sent")
    return str(value).encode("utf-8", "surrogateescape"), "text/plain; charset=utf-8"


def encode_answer(status, headers, value):
    body, default_type = encode_body(value)
    lines = [f"Status: {status}"]
    has_type = False
    for name, given in headers.items():
        lower = str(name).lower()
        if not HEADER_NAME.fullmatch(str(name)) or lower == "status":
            raise ValueError(f"{name!r} is not a header name")
        if lower in FRAMING:
            continue
        has_type = has_type or lower == "content-type"
        for text in given if isinstance(given, (list, tuple)) else [given]:
            if CONTROL.search(str(text)):
                raise ValueError(f"the value of header {name} has control characters")
            lines.append(f"{name}: {text}")
    if not has_type and default_type is not None:
        lines.append(f"Content-Type: {default_type}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def keep_answer_apart():
    """The answer alone goes to the watchdog: whatever the handler, its packages and their processes print on stdout goes
    to stderr, the function's log."""
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    return answer_fd


def run():
    env = os.environ
    headers = read_headers(env)
    body = parse_body(sys.stdin.buffer.read(), headers.get("content-type"))
    event = Event(body, headers, env.get("Http_Method", "GET"), parse_form(scrubbed(env.get("Http_Query", ""))), scrubbed(env.get("Http_Path", "/")))
    context = Context()
    from function import handler

    value = handler.handle(event, context)
    if inspect.isawaitable(value):
        import asyncio

        async def finished():
            return await value

        value = asyncio.run(finished())
    if context.is_done:
        value = context.result
    elif is_response(value):
        context.headers(value.get("headers") or {})
        if "statusCode" in value:
            context.status(value["statusCode"])
        value = value.get("body")
    return encode_answer(context.status(), context.headers(), value)


def main():
    is_zygote = "SKEP_ZYGOTE" in os.environ
    # In a zygote stdout is the log already, and each process that it forks is given its own.
    answer_fd = None if is_zygote else keep_answer_apart()
    if is_zygote or "SKEP_PREFORK" in os.environ:
        import skep_ahead

        from function import handler  # noqa: F401 - loaded here, so that no request waits for it

        if is_zygote:
            skep_ahead.fork_for_each_request()
            answer_fd = keep_answer_apart()
        else:
            skep_ahead.wait_for_request()
    try:
        answer = run()
    except BadRequest as error:
        answer = encode_answer(error.status, {}, f"{error}\n")
    except Exception:
        traceback.print_exc()
        answer = encode_answer(500, {}, "The function failed; its log says why.\n")
    with os.fdopen(answer_fd, "wb") as stream:
        stream.write(answer)
    sys.stdout.flush()
    sys.stderr.flush()
    # Ends the process whatever threads the handler left running.
    os._exit(0)


main()
