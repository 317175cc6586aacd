/** The Docker secret with the admin's password, and the file that it is in a container. */
export const PASSWORD_SECRET = 'basic-auth-password';

/** The stack that `npm run up` makes, and its service that people talk to. */
export const PLATFORM_STACK = 'skep';

/** Where `skep admin rotate-password` keeps what it is about, beside the password's file, until it is through. */
export const ROTATION_SUFFIX = '.next';

/** `basic-auth-password` of `basic-auth-password_v3`. */
export function unversionedName(secret: string): string {
  return secret.replace(/_v\d{1,9}$/, '');
}

/** 1 for the name itself, 3 for `NAME_v3`; undefined for another secret's name. */
export function secretVersion(secret: string, unversioned: string): number | undefined {
  if (secret === unversioned) return 1;
  const [, digits] = /_v(\d{1,9})$/.exec(secret) ?? [];
  return digits !== undefined && secret === `${unversioned}_v${digits}` ? Number(digits) : undefined;
}

/** Those of `secrets` that are versions of one, the newest first. */
export function versionsOf(secrets: readonly string[], unversioned: string): string[] {
  const version = (secret: string): number => secretVersion(secret, unversioned) ?? 0;
  return secrets.filter((secret) => version(secret) > 0).toSorted((a, b) => version(b) - version(a));
}

/** The name of the version after all of these. */
export function nextVersionName(secrets: readonly string[], unversioned: string): string {
  const [newest = unversioned] = versionsOf(secrets, unversioned);
  return `${unversioned}_v${(secretVersion(newest, unversioned) ?? 1) + 1}`;
}
