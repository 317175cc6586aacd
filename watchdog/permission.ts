/**
 * Whether one of the patterns names a function. `*` stands for any run of characters, also none; everything else for itself,
 * and the whole reference must match.
 * @param reference `namespace:name`
 */
export function matchesAny(patterns: readonly string[], reference: string): boolean {
  return patterns.some((pattern) => matches(pattern, reference));
}

/** No regular expression: a pattern comes from outside, and must cost no more than the product of the two lengths. */
function matches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  let position = 0;
  while (position < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      starAt = position;
    } else if (pattern[at] === text[position]) {
      at++;
      position++;
    } else if (star !== -1) {
      // What the last star stands for is one character longer than thought.
      at = star + 1;
      position = ++starAt;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** What a token allows its bearer: the claim `function`. */
export interface FunctionClaim {
  readonly permissions: readonly string[];
  /** Functions the token is meant for; empty: any. */
  readonly audience: readonly string[];
}

/** @throws {Error} when the claim is there and not of the contract's shape. Without one nothing is permitted. */
export function parseFunctionClaim(claim: unknown): FunctionClaim {
  if (claim === undefined || claim === null) return { permissions: [], audience: [] };
  if (typeof claim !== 'object' || Array.isArray(claim)) throw new Error('claim function is not an object');
  const { permissions, audience } = claim as { permissions?: unknown; audience?: unknown };
  return { permissions: texts('permissions', permissions), audience: texts('audience', audience) };
}

function texts(name: string, value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string')) {
    throw new Error(`claim function.${name} is not a list of texts`);
  }
  return value;
}

export function permits({ permissions, audience }: FunctionClaim, reference: string): boolean {
  return (audience.length === 0 || matchesAny(audience, reference)) && matchesAny(permissions, reference);
}
