<?php

use Composer\Semver\Semver;

function handle($event, $context)
{
    return ['message' => Semver::satisfies('1.2.3', '^1.0') ? '1.2.3 is one of ^1.0' : 'it is not'];
}
