<?php
// Runs function/handler.php for one request. The watchdog gives the request on stdin and in Http_* variables, and reads the
// answer from stdout: a CGI response head (cgi_response=true), an empty line, the body. With prefork=N it is started before its
// request, loads the handler, and waits (docs/prefork.md of Skep).

namespace Skep;

// stdout carries the answer alone: whatever the handler and its packages print goes to stderr, the function's log.
ini_set('display_errors', 'stderr');
ini_set('log_errors', '0');
ini_set('html_errors', '0');
error_reporting(E_ALL);
// The same whatever php.ini says, of which each image has another: the function's own memory limit is the one that counts.
$memoryLimit = getenv('memory_limit') ?: '-1';
if (!preg_match('/^(-1|\d+[KMG]?)$/iD', $memoryLimit)) {
    fwrite(STDERR, "memory_limit=$memoryLimit is no size such as 256M\n");
    exit(1);
}
ini_set('memory_limit', $memoryLimit);
ob_start(static function (string $printed): string {
    fwrite(STDERR, $printed);
    return '';
}, 1);

final class BadRequest extends \Exception
{
}

final class Event
{
    public function __construct(
        /** Text or bytes; JSON and form data: an array. */
        public readonly mixed $body,
        /** Names in lower case. */
        public readonly array $headers,
        public readonly string $method,
        public readonly array $query,
        /** Behind the function's name; at least `/`. */
        public readonly string $path,
    ) {
    }
}

/** Shapes the answer; status and headers can be chained. */
final class Context
{
    private ?int $status = null;
    private array $headers = [];
    private bool $isDone = false;
    private mixed $result = null;

    /** Sets the status of the answer; without an argument returns it. */
    public function status(?int $code = null): static|int
    {
        if ($code === null) {
            return $this->status ?? 200;
        }
        if ($code < 200 || $code > 599) {
            throw new \RangeException("status $code is not a code from 200 to 599");
        }
        $this->status = $code;
        return $this;
    }

    /** Adds headers to the answer; without an argument returns them. A list as value is a header sent more than once. */
    public function headers(?array $headers = null): static|array
    {
        if ($headers === null) {
            return $this->headers;
        }
        $this->headers = array_merge($this->headers, $headers);
        return $this;
    }

    public function succeed(mixed $value = null): void
    {
        if (!$this->isDone) {
            $this->isDone = true;
            $this->result = $value;
        }
    }

    public function fail(mixed $error = 'The function failed.'): void
    {
        if ($this->isDone) {
            return;
        }
        $this->status ??= 500;
        $this->succeed($error instanceof \Throwable ? $error->getMessage() : $error);
    }

    public function isDone(): bool
    {
        return $this->isDone;
    }

    public function result(): mixed
    {
        return $this->result;
    }
}

function readHeaders(): array
{
    $notHeaders = ['Http_Method', 'Http_Query', 'Http_Path', 'Http_ContentLength'];
    $headers = [];
    foreach (getenv() as $name => $value) {
        if (str_starts_with($name, 'Http_') && !in_array($name, $notHeaders, true)) {
            $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = $value;
        }
    }
    return $headers;
}

/** Bytes that are no UTF-8 are replaced: no JSON can hold them. */
function scrubbed(string $text): string
{
    return preg_match('//u', $text) ? $text : json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
}

/** A value given once is a string, given more than once a list. */
function parseForm(string $text): array
{
    $form = [];
    foreach (array_filter(explode('&', $text), 'strlen') as $pair) {
        [$name, $value] = array_map(static fn (string $part): string => scrubbed(urldecode($part)), explode('=', $pair, 2)) + [1 => ''];
        $form[$name] = array_key_exists($name, $form) ? [...(array) $form[$name], $value] : $value;
    }
    return $form;
}

/** `100kb`, `2mb` or a number of bytes; unset is no limit. */
function parseSize(string|false $text): float
{
    if ($text === false || $text === '') {
        return INF;
    }
    if (!preg_match('/^(\d+)\s*(b|kb|mb|gb)?$/iD', $text, $match)) {
        throw new \InvalidArgumentException("\"$text\" is not a size such as 100kb");
    }
    return $match[1] * 1024 ** array_search(strtolower($match[2] ?? 'b'), ['b', 'kb', 'mb', 'gb'], true);
}

function parseBody(string $raw, string $contentType): mixed
{
    $type = strtolower(trim(explode(';', $contentType === '' ? 'text/plain' : $contentType)[0]));
    $isRaw = getenv('RAW_BODY') === 'true';
    $isJson = $type === 'application/json' || str_ends_with($type, '+json');
    $variable = $isJson && !$isRaw ? 'MAX_JSON_SIZE' : 'MAX_RAW_SIZE';
    if (strlen($raw) > parseSize(getenv($variable))) {
        throw new BadRequest("The body is larger than $variable allows.", 413);
    }
    if ($isJson && !$isRaw) {
        try {
            return $raw === '' ? [] : json_decode($raw, true, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new BadRequest("The body is not valid JSON: {$error->getMessage()}", 400);
        }
    }
    return $type === 'application/x-www-form-urlencoded' && !$isRaw ? parseForm($raw) : $raw;
}

/** @return array{string, ?string} body and its type: text is what is valid UTF-8 */
function encodeBody(mixed $value): array
{
    if ($value === null) {
        return ['', null];
    }
    if (is_array($value) || $value instanceof \JsonSerializable || $value instanceof \stdClass) {
        $json = json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        return [$json, 'application/json'];
    }
    $text = is_bool($value) ? var_export($value, true) : (string) $value;
    return [$text, preg_match('//u', $text) ? 'text/plain; charset=utf-8' : 'application/octet-stream'];
}

function encodeAnswer(int $status, array $headers, mixed $value): string
{
    // The watchdog frames the answer: these are its own.
    $framing = ['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-connection'];
    [$body, $defaultType] = encodeBody($value);
    $lines = ["Status: $status"];
    $hasType = false;
    foreach ($headers as $name => $given) {
        $lower = strtolower((string) $name);
        if (!preg_match('/^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$/D', $lower) || $lower === 'status') {
            throw new \InvalidArgumentException("\"$name\" is not a header name");
        }
        if (in_array($lower, $framing, true)) {
            continue;
        }
        $hasType = $hasType || $lower === 'content-type';
        foreach ((array) $given as $text) {
            if (preg_match('/[\x00-\x08\x0a-\x1f\x7f]/', (string) $text)) {
                throw new \InvalidArgumentException("the value of header $name has control characters");
            }
            $lines[] = "$name: $text";
        }
    }
    if (!$hasType && $defaultType !== null) {
        $lines[] = "Content-Type: $defaultType";
    }
    return implode("\r\n", $lines) . "\r\n\r\n" . $body;
}

function loadHandler(): callable
{
    $packages = __DIR__ . '/function/vendor/autoload.php';
    if (is_file($packages)) {
        require_once $packages;
    }
    require_once __DIR__ . '/function/handler.php';
    if (!function_exists('handle')) {
        throw new \LogicException('function/handler.php must define a function handle($event, $context)');
    }
    return 'handle';
}

/** With prefork=N: says that it waits, and takes over the environment of the request that it is given. */
function awaitRequest(): void
{
    fwrite(fopen('php://fd/4', 'w'), "1\n");
    $document = stream_get_contents(fopen('php://fd/3', 'r'));
    if ($document === '') {
        exit(0); // the watchdog has ended
    }
    // A byte that is no UTF-8 comes as a lone surrogate, which PHP refuses; NUL, which no variable can hold, marks its place.
    $readable = preg_replace('/(?<!\\\\)((?:\\\\\\\\)*)\\\\u[dD][cC]([89a-fA-F][0-9a-fA-F])/', '$1\\u0000$2', $document);
    $hasEnv = $_ENV !== [];
    foreach (json_decode($readable, true, 16, JSON_THROW_ON_ERROR)['environment'] as $name => $text) {
        $value = preg_replace_callback('/\x00(..)/', static fn (array $byte): string => chr(hexdec($byte[1])), $text);
        putenv("$name=$value");
        $_SERVER[$name] = $value;
        if ($hasEnv) {
            $_ENV[$name] = $value;
        }
    }
    putenv('SKEP_PREFORK');
    unset($_SERVER['SKEP_PREFORK'], $_ENV['SKEP_PREFORK']);
}

function answerRequest(): string
{
    $headers = readHeaders();
    $variable = static fn (string $name, string $otherwise): string => getenv($name) === false ? $otherwise : getenv($name);
    $event = new Event(
        parseBody(stream_get_contents(STDIN), $headers['content-type'] ?? ''),
        $headers,
        $variable('Http_Method', 'GET'),
        parseForm($variable('Http_Query', '')),
        scrubbed($variable('Http_Path', '/')),
    );
    $context = new Context();
    $returned = loadHandler()($event, $context);
    return encodeAnswer($context->status(), $context->headers(), $context->isDone() ? $context->result() : $returned);
}

/** Writes the answer and ends the process: nothing of the handler runs after it. */
function finish(string $answer): never
{
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    for ($written = 0; $written < strlen($answer); $written += $count) {
        $count = fwrite(STDOUT, substr($answer, $written));
        if ($count === false || $count === 0) {
            exit(1); // nobody reads it any more
        }
    }
    exit(0);
}

if (getenv('SKEP_PREFORK') === '1') {
    loadHandler(); // one that fails has no request to fail: the watchdog logs it, and tries again later
    awaitRequest();
}
try {
    $answer = answerRequest();
} catch (BadRequest $error) {
    $answer = encodeAnswer($error->getCode(), [], $error->getMessage() . "\n");
} catch (\Throwable $error) {
    fwrite(STDERR, $error . "\n");
    $answer = encodeAnswer(500, [], "The function failed; its log says why.\n");
}
finish($answer);
