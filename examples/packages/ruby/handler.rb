require "webrick/httpstatus"

def handle(_event, _context)
  { message: "404 is #{WEBrick::HTTPStatus.reason_phrase(404)}" }
end
