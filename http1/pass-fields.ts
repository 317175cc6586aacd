import type { HeaderFilter } from './hop-by-hop.ts';

import type { ReceivedFields } from './received-fields.ts';
import type { HeadOut } from './types.ts';

/**
 * Passes on the fields that the filter lets through, byte for byte as they came: what stands together is copied at once.
 * @param from where the first copy begins: at the field lines, or before them at a status line that goes with them
 * @param to where the last one ends: with the field lines, or with the empty line behind them
 */
export function passFields(
  out: HeadOut,
  fields: ReceivedFields,
  filter: HeaderFilter,
  from: number,
  to: number,
): void {
  const { bytes } = fields;
  let start = from;
  // The table of places is asked for anew each time: whatever a write brings about may have used it for another head.
  for (let i = 0; i < fields.spans.count; i++) {
    if (!filter.hasField(fields, i)) continue;
    const { spans } = fields;
    const at = spans.nameStart(i);
    const next = i + 1 < spans.count ? spans.nameStart(i + 1) : fields.end - 2;
    if (at > start) out.range(bytes, start, at);
    start = next;
  }
  if (to > start) out.range(bytes, start, to);
}
