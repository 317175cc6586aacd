/** The names that faas-cli knows for layouts of time, in lower case. */
const NAMED_LAYOUTS: Readonly<Record<string, string>> = {
  ansic: 'Mon Jan _2 15:04:05 2006',
  unixdate: 'Mon Jan _2 15:04:05 MST 2006',
  rubydate: 'Mon Jan 02 15:04:05 -0700 2006',
  rfc822: '02 Jan 06 15:04 MST',
  rfc822z: '02 Jan 06 15:04 -0700',
  rfc850: 'Monday, 02-Jan-06 15:04:05 MST',
  rfc1123: 'Mon, 02 Jan 2006 15:04:05 MST',
  rfc1123z: 'Mon, 02 Jan 2006 15:04:05 -0700',
  rfc3339: '2006-01-02T15:04:05Z07:00',
  rfc3339nano: '2006-01-02T15:04:05.999999999Z07:00',
};

/** A layout by its name, or the text itself as one. */
export function toLayout(text: string): string {
  return NAMED_LAYOUTS[text.toLowerCase()] ?? text;
}

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/i;
const ELEMENTS =
  /January|Jan|Monday|Mon|MST|2006|__2|_2(?!006)|002|01|02|03|04|05|06|15|PM|pm|[Z-]07(?::00:00|0000|:00|00)?|[.,](?:0+|9+)(?!\d)|[1-5]/g;

/**
 * An RFC 3339 time in one of Go's layouts, which spell out 2 January 2006, 15:04:05; in the zone that it names itself.
 * @returns the text as it is when it is no such time
 * @see https://pkg.go.dev/time#Layout
 */
export function formatGoTime(timestamp: string, layout: string): string {
  const match = RFC_3339.exec(timestamp);
  const at = Date.parse(timestamp);
  if (match === null || Number.isNaN(at)) return timestamp;
  const [, fraction = '', sign = '+', hours = '00', minutes = '00'] = match;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const local = new Date(at + offset * 60_000);
  const nanos = fraction.slice(0, 9).padEnd(9, '0');
  return layout.replace(ELEMENTS, (element) => format(element, { local, nanos, sign, hours, minutes }));
}

interface Parts {
  /** Whose UTC fields are the wall clock's. */
  readonly local: Date;
  readonly nanos: string;
  readonly sign: string;
  readonly hours: string;
  readonly minutes: string;
}

function format(element: string, { local, nanos, sign, hours, minutes }: Parts): string {
  const isUtc = hours === '00' && minutes === '00';
  const hour12 = local.getUTCHours() % 12 || 12;
  const month = MONTHS[local.getUTCMonth()] ?? '';
  const day = local.getUTCDate();
  switch (element) {
    case 'January':
      return month;
    case 'Jan':
      return month.slice(0, 3);
    case 'Monday':
      return DAYS[local.getUTCDay()] ?? '';
    case 'Mon':
      return (DAYS[local.getUTCDay()] ?? '').slice(0, 3);
    case '2006':
      return pad(local.getUTCFullYear(), 4);
    case '06':
      return pad(local.getUTCFullYear() % 100, 2);
    case '01':
      return pad(local.getUTCMonth() + 1, 2);
    case '1':
      return String(local.getUTCMonth() + 1);
    case '02':
      return pad(day, 2);
    case '_2':
      return String(day).padStart(2);
    case '2':
      return String(day);
    case '002':
      return pad(dayOfYear(local), 3);
    case '__2':
      return String(dayOfYear(local)).padStart(3);
    case '15':
      return pad(local.getUTCHours(), 2);
    case '03':
      return pad(hour12, 2);
    case '3':
      return String(hour12);
    case '04':
      return pad(local.getUTCMinutes(), 2);
    case '4':
      return String(local.getUTCMinutes());
    case '05':
      return pad(local.getUTCSeconds(), 2);
    case '5':
      return String(local.getUTCSeconds());
    case 'PM':
      return local.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'pm':
      return local.getUTCHours() < 12 ? 'am' : 'pm';
    case 'MST':
      return isUtc ? 'UTC' : `${sign}${hours}${minutes === '00' ? '' : minutes}`;
  }
  if (element.startsWith('Z') && isUtc) return 'Z';
  if (element.startsWith('Z') || element.startsWith('-')) return `${sign}${zone(element, hours, minutes)}`;
  const digits = nanos.slice(0, element.length - 1);
  const kept = element.endsWith('9') ? digits.replace(/0+$/, '') : digits.padEnd(element.length - 1, '0');
  return kept === '' ? '' : `${element.charAt(0)}${kept}`;
}

function zone(element: string, hours: string, minutes: string): string {
  const colon = element.includes(':') ? ':' : '';
  const parts = element.replaceAll(/[^0-9]/g, '').length / 2; // 07, 0700 or 070000
  return [hours, minutes, '00'].slice(0, parts).join(colon);
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
