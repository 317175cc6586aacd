require "minitest/autorun"
require_relative "handler"

class HandlerTest < Minitest::Test
  Event = Struct.new(:body, :headers, :method, :query, :path, keyword_init: true)

  def test_says_hello_and_gives_back_what_it_received
    event = Event.new(body: "hi", headers: {}, method: "POST", query: {}, path: "/")
    assert_equal({ message: "Hello from Ruby", method: "POST", received: "hi" }, handle(event, nil))
  end
end
