import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DASHBOARDS, toJson } from './all-dashboards.ts';

// `npm run dashboards`: what is provisioned are the written files.
const folder = join(import.meta.dirname, '..', 'dashboards');
for (const [file, dashboard] of Object.entries(DASHBOARDS)) {
  writeFileSync(join(folder, file), toJson(dashboard));
  console.log(`wrote grafana/dashboards/${file}`);
}
