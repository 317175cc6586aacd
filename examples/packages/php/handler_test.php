<?php

require __DIR__ . '/vendor/autoload.php';
require __DIR__ . '/handler.php';

if (handle(null, null) !== ['message' => '1.2.3 is one of ^1.0']) {
    fwrite(STDERR, 'handle() returned ' . json_encode(handle(null, null)) . "\n");
    exit(1);
}
echo "compares with a package of the lock file\n";
