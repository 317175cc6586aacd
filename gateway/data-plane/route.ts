/** `name` as written: `fn` or `fn.namespace`; `rest` is what follows, path and query, always beginning with `/`. */
interface FunctionRoute {
  readonly plane: 'function';
  readonly name: string;
  readonly rest: string;
}

interface ControlRoute {
  readonly plane: 'control';
  readonly target: string;
}

interface RefusedRoute {
  readonly plane: 'refused';
  readonly message: string;
}

/** Where a request goes, judged by its target as it came. */
export type Route =
  | FunctionRoute
  /** Of a function that is to be called later, or of a call by its id: by the method. */
  | {
      readonly plane: 'async';
      readonly post: FunctionRoute | RefusedRoute;
      readonly delete: ControlRoute | RefusedRoute;
    }
  | ControlRoute
  | RefusedRoute;

const FUNCTION_PREFIX = '/function/';
const ASYNC_PREFIX = '/async-function/';
const NAME = /^[-a-zA-Z_0-9.]+$/;
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;
/** `.` or `..` as a whole segment, percent-encoded or not. */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/** Where targets went that came lately: a target's route is always the same. */
const routes = new Map<string, Route>();
const MOST_KEPT = 1024;
const LONGEST_KEPT = 256;

/**
 * Routes by the bytes of the target: nothing is decoded, cleaned or redirected, so a request reaches only what its path
 * names as it stands.
 * @param target the request target, e.g. `/function/env.dev/a/b?x=1`, or in absolute form
 */
export function route(target: string): Route {
  const known = routes.get(target);
  if (known !== undefined) return known;
  const found = findRoute(target);
  if (target.length <= LONGEST_KEPT) {
    if (routes.size === MOST_KEPT) routes.clear();
    routes.set(target, found);
  }
  return found;
}

function findRoute(target: string): Route {
  const path = target.startsWith('/') ? target : originForm(target);
  if (path === undefined) return { plane: 'refused', message: `the request target ${target} names no path` };
  if (path.startsWith(FUNCTION_PREFIX)) return routeFunction(path, FUNCTION_PREFIX.length);
  if (path.startsWith(ASYNC_PREFIX)) {
    return { plane: 'async', post: routeFunction(path, ASYNC_PREFIX.length), delete: routeControl(path) };
  }
  return routeControl(path);
}

function routeControl(path: string): ControlRoute | RefusedRoute {
  const query = path.indexOf('?');
  if (DOT_SEGMENT.test(query === -1 ? path : path.slice(0, query))) {
    return { plane: 'refused', message: 'the path has a . or .. segment; ask for the path itself' };
  }
  return { plane: 'control', target: path };
}

/** @param start where the function's name begins */
function routeFunction(path: string, start: number): FunctionRoute | RefusedRoute {
  let end = start;
  while (end < path.length) {
    const char = path.charCodeAt(end);
    if (char === 0x2f || char === 0x3f) break;
    end++;
  }
  const name = path.slice(start, end);
  if (name === '') return { plane: 'refused', message: 'Provide function name in the request path' };
  if (DOT_SEGMENT.test(name)) {
    return { plane: 'refused', message: 'the path has a . or .. segment in place of a function name' };
  }
  if (!NAME.test(name)) return { plane: 'refused', message: `${name} is not a function name` };
  const tail = path.slice(end);
  return { plane: 'function', name, rest: tail.startsWith('/') ? tail : `/${tail}` };
}

function originForm(target: string): string | undefined {
  const authority = ABSOLUTE_FORM.exec(target);
  if (authority === null) return undefined;
  const path = target.slice(authority[0].length);
  return path.startsWith('/') ? path : `/${path}`;
}
