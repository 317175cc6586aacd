# Processes that are there before their request: docs/prefork.md of Skep describes what they and the watchdog say to each other.
# With prefork=N this process serves the one request that it waits for. With mode=zygote it forks the processes that do.

require "json"
require "socket"

module SkepAhead
  module_function

  # Returns when there is a request, with its environment taken over.
  def wait_for_request
    reports = IO.for_fd(4, "w")
    reports.syswrite("1\n")
    reports.close
    take_over_environment(IO.for_fd(3, "rb"))
  end

  # Returns once in each forked process, with streams and environment of its request. Never in the zygote itself.
  def fork_for_each_request
    warn "mode=zygote: the handler started threads while it was loaded; the processes that serve requests do not have them" if Thread.list.size > 1
    zygote = Zygote.new
    until zygote.fork_missing?
      zygote.wait
      zygote.bury
    end
    zygote.become_request
  end

  def take_over_environment(stream)
    document = stream.read
    stream.close
    exit!(0) if document.empty? # the watchdog has ended, or the request is over
    ENV.delete("SKEP_PREFORK")
    ENV.delete("SKEP_ZYGOTE")
    JSON.parse(document.force_encoding(Encoding::UTF_8))["environment"].each { |name, value| ENV[name] = as_bytes(value) }
  end

  # A byte that is no UTF-8 comes as a lone surrogate, U+DC80 to U+DCFF.
  def as_bytes(value)
    return value if value.valid_encoding?

    bytes = value.b.gsub(/\xED([\xB2\xB3])([\x80-\xBF])/n) do
      ((Regexp.last_match(1).ord - 0xB2) * 64 + Regexp.last_match(2).ord).chr
    end
    bytes.force_encoding(Encoding::UTF_8)
  end

  # Descriptor 3 is a socket: each message is a request, and comes with its streams. Reports go to descriptor 4.
  class Zygote
    # Where processes wait already, the next fork lets the call that took one end first, but no longer than this.
    YIELD_SECONDS = 0.02
    # After a fork that failed, or a process that ended while it waited.
    PAUSE_SECONDS = 0.1

    def initialize
      @requests = Socket.for_fd(3)
      @reports = IO.for_fd(4, "w")
      # Nothing that the handler started while it was loaded shall hold these open.
      [@requests, @reports].each { |stream| stream.close_on_exec = true }
      @size = [1, ENV["prefork"].to_i].max
      @waiting = []
      @serving = []
      @fork_at = 0.0
      # Through one pipe the end of a process wakes the zygote; through the other a process says that it has taken a request.
      @woken, @waker = IO.pipe
      @taken, @taker = IO.pipe
      trap("CHLD") { @waker.write_nonblock("c", exception: false) }
      GC.start # what is garbage now would be copied by every forked process
      report("ready 1")
    end

    # Whether this is a forked process now.
    def fork_missing?
      while @waiting.size < @size && now >= @fork_at
        pid = begin
          Process.fork
        rescue SystemCallError => error
          warn "mode=zygote: cannot fork: #{error.message}"
          @fork_at = now + PAUSE_SECONDS
          return false
        end
        return true if pid.nil?

        @waiting << pid
      end
      false
    end

    def wait
      patience = @waiting.size < @size ? [0.0, @fork_at - now].max : nil
      readable, = IO.select([@woken, @taken], nil, nil, patience)
      read_now(@woken) if readable&.include?(@woken)
      note_taken
    end

    def bury
      while (pid, status = Process.waitpid2(-1, Process::WNOHANG))
        note_taken
        if @serving.delete(pid)
          report("ended #{pid} #{exit_code(status)}")
          @fork_at = 0.0
        elsif @waiting.delete(pid)
          exit!(0) if status.exitstatus == 0 # it saw that the watchdog has ended
          warn "mode=zygote: process #{pid} ended while it waited: #{exit_code(status)}"
          @fork_at = now + PAUSE_SECONDS
        end
      end
    rescue Errno::ECHILD
      nil
    end

    def become_request
      trap("CHLD", "DEFAULT")
      Process.setsid
      message, _, _, *controls = @requests.recvmsg(64, 0, nil, scm_rights: true)
      exit!(0) if message.nil? || message.empty? # the watchdog has ended
      streams = controls.flat_map { |control| control.unix_rights || [] }
      request = message.delete_prefix("fork ")
      @taker.syswrite("#{Process.pid}\n")
      if streams.size != 4
        report("failed #{request} #{Errno::EMFILE.new.message}")
        exit!(1)
      end
      report("started #{request} #{Process.pid}")
      [@requests, @reports, @woken, @waker, @taken, @taker].each(&:close)
      variables = streams.pop
      [$stdin, $stdout, $stderr].zip(streams) do |target, stream|
        target.reopen(stream)
        stream.close
      end
      $stderr.sync = true
      SkepAhead.take_over_environment(variables.binmode)
    end

    private

    def note_taken
      read_now(@taken).split.map(&:to_i).each do |pid|
        @waiting.delete(pid)
        @serving << pid
        @fork_at = @waiting.empty? ? 0.0 : now + YIELD_SECONDS
      end
    end

    def exit_code(status)
      status.signaled? ? -status.termsig : status.exitstatus
    end

    def read_now(pipe)
      pipe.read_nonblock(65_536, exception: false).then { |read| read.is_a?(String) ? read : "" }
    end

    # Short enough to be written at once, whoever else writes.
    def report(line)
      @reports.syswrite("#{line}\n")
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
