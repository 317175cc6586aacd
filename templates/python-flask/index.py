"""Serves the function's WSGI app on 127.0.0.1:PORT, where the watchdog relays every request to (mode=http; it chooses the port).

wsgi_app names it as `module:name`, or `module:factory()` for a function that makes it; threads is how many requests run at a time.
"""

import importlib
import os
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FUNCTION = os.path.join(HERE, "function")


def load_app(named):
    match = re.fullmatch(r"([\w.]+):([\w.]+)(\(\))?", named)
    if match is None:
        sys.exit(f'wsgi_app="{named}" is not of the form module:name, such as handler:app')
    module, name, is_factory = match.groups()
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            sys.exit(f'wsgi_app="{named}": {module} has no "{name}"; name the app that it has in the function\'s environment')
    app = found() if is_factory else found
    if not callable(app):
        sys.exit(f'wsgi_app="{named}" is no WSGI app: it cannot be called')
    return app


def read_number(name, default):
    text = os.environ.get(name) or default
    if not re.fullmatch(r"[1-9]\d{0,4}", text):
        sys.exit(f'{name}="{text}" is not a number above 0')
    return int(text)


def main():
    # As if it had been started in its own folder; its packages come before those of the server.
    os.chdir(FUNCTION)
    sys.path[0] = FUNCTION
    sys.path.append(os.path.join(HERE, "server"))
    app = load_app(os.environ.get("wsgi_app") or "handler:app")
    import waitress

    # The watchdog, which hears it too, goes on serving for a while, lets what is in flight finish, and ends this process then.
    signal.signal(signal.SIGTERM, lambda *_: None)
    waitress.serve(
        app,
        listen=f"127.0.0.1:{read_number('PORT', '3000')}",
        threads=read_number("threads", "8"),
        # The watchdog limits connections, time and bodies; the gateway says who called.
        connection_limit=10_000,
        asyncore_use_poll=True,  # select cannot count further than 1024
        channel_timeout=3600,
        max_request_body_size=2**62,
        clear_untrusted_proxy_headers=False,
        ident=None,
        _quiet=True,
    )


main()
