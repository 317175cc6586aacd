#!/usr/bin/env bun
import { WATCHDOG_ROLE } from '../contract/watchdog-role.ts';

// Each role loads only what it needs.
if (process.argv[2] === WATCHDOG_ROLE) await import('../watchdog/main.ts');
else await import('./command-line.ts');
