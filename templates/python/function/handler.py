def handle(event, context):
    """event: body, headers, method, query, path. context: status(code), headers(dict), succeed(value), fail(error).

    Returns text, bytes, a dict or list (sent as JSON), or {"statusCode": 201, "headers": {…}, "body": …}.
    """
    received = event.body.decode(errors="replace") if isinstance(event.body, bytes) else event.body
    return {"message": "Hello from Python", "method": event.method, "received": received}
