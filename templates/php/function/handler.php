<?php

/**
 * @param object $event body, headers, method, query, path
 * @param ?object $context status(code), headers(array), succeed(value), fail(error)
 * @return mixed the answer: text or bytes, or an array, which is sent as JSON
 */
function handle($event, $context)
{
    return ['message' => 'Hello from PHP', 'method' => $event->method, 'received' => $event->body];
}
