# event: body, headers, method, query, path. context: status(code), headers(hash), succeed(value), fail(error).
# Returns a string, or a Hash or Array, which is sent as JSON.
def handle(event, _context)
  { message: "Hello from Ruby", method: event.method, received: event.body }
end
