<?php

require __DIR__ . '/handler.php';

$answer = handle((object) ['body' => 'hi', 'headers' => [], 'method' => 'POST', 'query' => [], 'path' => '/'], null);
$wanted = ['message' => 'Hello from PHP', 'method' => 'POST', 'received' => 'hi'];
if ($answer !== $wanted) {
    fwrite(STDERR, 'handle() returned ' . json_encode($answer) . ', not ' . json_encode($wanted) . "\n");
    exit(1);
}
echo "says hello and gives back what it received\n";
