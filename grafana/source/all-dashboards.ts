import type { Dashboard } from './dashboard-types.ts';
import { functionSpotlight } from './function/function.ts';
import { overview } from './overview/overview.ts';
import { platform } from './platform/platform.ts';
import { queue } from './queue.ts';

/** By file name. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  'overview.json': overview,
  'function.json': functionSpotlight,
  'queue.json': queue,
  'platform.json': platform,
};

export const toJson = (dashboard: Dashboard): string => `${JSON.stringify(dashboard, undefined, 2)}\n`;
