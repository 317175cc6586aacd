import { shared } from '../queries.ts';

export const CHOSEN = 'function_name="$function"';
export const BY = 'function_name';
export const one = (metric: string): string => shared(BY, metric, CHOSEN);
