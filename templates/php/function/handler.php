<?php

/**
 * @param object $event body, headers, method, query, path
 * @param ?object $context status(code), headers(array), succeed(value), fail(error)
 * @return mixed the answer: text or bytes, or an array, which is sent as JSON
 */
function handle($event, $context)
{
    // A body may be bytes, which no JSON can hold.
    $isText = !is_string($event->body) || preg_match('//u', $event->body);
    $received = $isText ? $event->body : strlen($event->body) . ' bytes';
    return ['message' => 'Hello from PHP', 'method' => $event->method, 'received' => $received];
}
