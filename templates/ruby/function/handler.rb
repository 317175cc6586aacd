# event: body, headers, method, query, path. context: status(code), headers(hash), succeed(value), fail(error).
# Returns a string, or a Hash or Array, which is sent as JSON.
def handle(event, _context)
  received = event.body.is_a?(String) ? event.body.dup.force_encoding("UTF-8").scrub : event.body
  { message: "Hello from Ruby", method: event.method, received: received }
end
