# Runs function/handler.rb for one request. The watchdog gives the request on stdin and in Http_* variables, and reads the
# answer from stdout: a CGI response head (cgi_response=true), an empty line, the body. With prefork=N, or mode=zygote, the
# handler is loaded before there is a request: skep_ahead.rb waits for it.

require "cgi/escape"
require "json"

NOT_HEADERS = %w[Http_Method Http_Query Http_Path Http_ContentLength].freeze
# The watchdog frames the answer: these are its own.
FRAMING = %w[connection content-length keep-alive transfer-encoding upgrade te trailer proxy-connection].freeze
UNITS = { "b" => 1, "kb" => 1024, "mb" => 1024**2, "gb" => 1024**3 }.freeze

class BadRequest < StandardError
  attr_reader :status

  def initialize(status, message)
    super(message)
    @status = status
  end
end

Event = Struct.new(:body, :headers, :method, :query, :path)

# Shapes the answer; status and headers can be chained.
class Context
  attr_reader :result

  def initialize
    @headers = {}
    @done = false
  end

  def done?
    @done
  end

  def status(code = nil)
    return @status || 200 if code.nil?
    raise ArgumentError, "status #{code.inspect} is not a code from 200 to 599" unless code.is_a?(Integer) && code.between?(200, 599)

    @status = code
    self
  end

  # A list as value is a header sent more than once.
  def headers(headers = nil)
    return @headers if headers.nil?

    @headers.merge!(headers)
    self
  end

  def succeed(value = nil)
    return if @done

    @done = true
    @result = value
  end

  def fail(error = "The function failed.")
    return if @done

    @status ||= 500
    succeed(error.is_a?(Exception) ? error.message : error.to_s)
  end
end

# Whatever the locale says: what comes over HTTP is UTF-8, if it is text.
def as_utf8(text)
  text.dup.force_encoding(Encoding::UTF_8)
end

def read_headers
  given = ENV.select { |name, _| name.start_with?("Http_") && !NOT_HEADERS.include?(name) }
  given.to_h { |name, value| [as_utf8(name.delete_prefix("Http_")).tr("_", "-").downcase, as_utf8(value)] }
end

# A value given once is a string, given more than once a list.
def parse_form(text)
  text.split("&").reject(&:empty?).each_with_object({}) do |pair, form|
    name, value = pair.split("=", 2).map { |part| CGI.unescape(part, Encoding::UTF_8).scrub }
    form[name] = form.key?(name) ? [*form[name], value.to_s] : value.to_s
  end
end

# `100kb`, `2mb` or a number of bytes; unset is no limit.
def parse_size(text)
  return Float::INFINITY if text.nil? || text.empty?

  match = /\A(\d+)\s*(b|kb|mb|gb)?\z/i.match(text) or raise ArgumentError, "\"#{text}\" is not a size such as 100kb"
  match[1].to_i * UNITS.fetch((match[2] || "b").downcase)
end

def parse_body(raw, content_type)
  type = (content_type.to_s.empty? ? "text/plain" : content_type).split(";").first.to_s.strip.downcase
  is_raw = ENV["RAW_BODY"] == "true"
  is_json = type == "application/json" || type.end_with?("+json")
  variable = is_json && !is_raw ? "MAX_JSON_SIZE" : "MAX_RAW_SIZE"
  raise BadRequest.new(413, "The body is larger than #{variable} allows.") if raw.bytesize > parse_size(ENV[variable])
  return raw if is_raw
  return parse_json(raw) if is_json

  text = as_utf8(raw)
  return parse_form(text.scrub) if type == "application/x-www-form-urlencoded"

  type.start_with?("text/") ? text.scrub : raw
end

def parse_json(raw)
  raw.empty? ? {} : JSON.parse(as_utf8(raw))
rescue JSON::ParserError => error
  raise BadRequest.new(400, "The body is not valid JSON: #{error.message.scrub.lines.first.to_s[0, 200].strip}")
end

# Body and its type: text is what is valid in its encoding and does not say that it is binary.
def encode_body(value)
  case value
  when nil then ["", nil]
  when Hash, Array then [JSON.generate(value), "application/json"]
  else
    # Enumerators, sets and objects that say nothing but where they are in memory.
    if value.is_a?(Enumerable) || value.method(:to_s).owner == Kernel
      raise TypeError, "the handler's answer is a #{value.class}: strings, hashes and arrays can be sent"
    end

    text = value.to_s
    is_text = text.encoding != Encoding::BINARY && text.valid_encoding?
    [text, is_text ? "text/plain; charset=utf-8" : "application/octet-stream"]
  end
end

def encode_answer(status, headers, value)
  body, default_type = encode_body(value)
  lines = ["Status: #{status}"]
  has_type = false
  headers.each do |key, given|
    name = key.to_s
    raise ArgumentError, "#{name.inspect} is not a header name" if !/\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\z/.match?(name) || name.casecmp?("status")
    next if FRAMING.include?(name.downcase)

    has_type ||= name.casecmp?("content-type")
    Array(given).each do |text|
      raise ArgumentError, "the value of header #{name} has control characters" if /[\x00-\x08\x0a-\x1f\x7f]/n.match?(text.to_s.b)

      lines << "#{name}: #{text}"
    end
  end
  lines << "Content-Type: #{default_type}" unless has_type || default_type.nil?
  "#{lines.join("\r\n")}\r\n\r\n".b + body.b
end

def run
  headers = read_headers
  body = parse_body($stdin.binmode.read, headers["content-type"])
  method, query, path = { "Http_Method" => "GET", "Http_Query" => "", "Http_Path" => "/" }.map { |name, otherwise| as_utf8(ENV.fetch(name, otherwise)).scrub }
  event = Event.new(body, headers, method, parse_form(query), path)
  context = Context.new
  load_handler
  value = handle(event, context)
  encode_answer(context.status, context.headers, context.done? ? context.result : value)
end

def load_handler
  require_relative "function/handler"
end

# The answer alone goes to the watchdog: whatever the handler, its gems and their processes print on stdout goes to stderr, the
# function's log.
def keep_answer_apart
  answer = $stdout.dup
  $stdout.reopen($stderr)
  $stdout.sync = true
  answer
end

def answer_request
  run
rescue BadRequest => error
  encode_answer(error.status, {}, "#{error.message}\n")
rescue StandardError, ScriptError, SystemStackError, NoMemoryError => error
  $stderr.puts error.full_message(highlight: false)
  encode_answer(500, {}, "The function failed; its log says why.\n")
end

def main
  is_zygote = ENV.key?("SKEP_ZYGOTE")
  # In a zygote stdout is the log already, and each process that it forks is given its own.
  answer = is_zygote ? nil : keep_answer_apart
  if is_zygote || ENV.key?("SKEP_PREFORK")
    require_relative "skep_ahead"
    load_handler
    if is_zygote
      SkepAhead.fork_for_each_request
      answer = keep_answer_apart
    else
      SkepAhead.wait_for_request
    end
  end
  answer.binmode.write(answer_request)
  answer.close
  # Ends the process whatever threads the handler left running.
  exit!(0)
end

# Where the lock file names gems: theirs are the ones that are loaded. Without any, Bundler would only cost its own start.
lock = File.join(__dir__, "function", "Gemfile.lock")
if File.exist?(lock) && File.foreach(lock).any? { |line| line.start_with?("    ") }
  ENV["BUNDLE_GEMFILE"] ||= File.join(__dir__, "function", "Gemfile")
  require "bundler/setup"
end
main
