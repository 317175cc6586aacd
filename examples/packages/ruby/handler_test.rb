require "minitest/autorun"
require_relative "handler"

class HandlerTest < Minitest::Test
  def test_knows_with_a_gem_of_the_lock_file
    assert_equal({ message: "404 is Not Found" }, handle(nil, nil))
  end
end
