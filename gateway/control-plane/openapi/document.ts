import type { VersionInfo } from '../../../contract/function-types.ts';
import { ASYNC_CALL_PATHS } from './async-call.ts';
import { BUILD_PATHS, BUILD_SCHEMAS } from './build.ts';
import { CALL_PATHS, CALL_SCHEMAS } from './calls.ts';
import { FUNCTION_PATHS, FUNCTION_SCHEMAS } from './functions.ts';
import { INVOCATION_PATHS } from './invocation.ts';
import { LOG_PATHS, LOG_SCHEMAS } from './logs.ts';
import { NAMESPACE_PATHS, NAMESPACE_SCHEMAS } from './namespaces.ts';
import { PLATFORM_PATHS, PLATFORM_SCHEMAS } from './platform.ts';
import { SECRET_PATHS, SECRET_SCHEMAS } from './secrets.ts';
import type { OpenApiDocument } from './types.ts';

const DESCRIPTION = `Functions as a service for Docker Swarm, by the API of OpenFaaS.

Errors are plain text, one sentence that says what to do, with a stable code in the header \`X-Skep-Error\`. A path that is not
here is answered 404 with \`route_not_found\`, another method of one that is 405 with \`method_not_allowed\` and \`Allow\`; HEAD is
answered wherever GET is. A request that is no valid HTTP is answered 400, 408, 413 or 431 without a code.

The content type of a request is not looked at. Bodies in JSON may have 1 MiB, those with a secret 4 MiB.`;

/** Our whole API in OpenAPI 3.1; a test holds it to the router, and the answers to its schemas. */
export function openApiDocument(version: VersionInfo): OpenApiDocument {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Skep',
      version: version.release,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This gateway.' }],
    security: [{ basic: [] }],
    tags: [
      { name: 'functions', description: 'Deploy, read, scale and remove functions.' },
      { name: 'invocation', description: 'Call functions.' },
      { name: 'calls', description: 'What becomes of asynchronous calls.' },
      { name: 'namespaces', description: 'Groups of functions.' },
      { name: 'secrets', description: 'Values that functions may read, and clients may not.' },
      { name: 'logs', description: 'What functions write.' },
      { name: 'build', description: 'Images from source.' },
      { name: 'platform', description: 'The gateway itself.' },
    ],
    paths: {
      ...INVOCATION_PATHS,
      ...ASYNC_CALL_PATHS,
      ...CALL_PATHS,
      ...FUNCTION_PATHS,
      ...NAMESPACE_PATHS,
      ...SECRET_PATHS,
      ...LOG_PATHS,
      ...BUILD_PATHS,
      ...PLATFORM_PATHS,
    },
    components: {
      schemas: {
        ...FUNCTION_SCHEMAS,
        ...CALL_SCHEMAS,
        ...NAMESPACE_SCHEMAS,
        ...SECRET_SCHEMAS,
        ...LOG_SCHEMAS,
        ...BUILD_SCHEMAS,
        ...PLATFORM_SCHEMAS,
      },
      headers: {
        CallId: {
          description: "The request's own id, or a new one: the log has it, too.",
          schema: { type: 'string' },
        },
      },
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: "The admin's name and password." },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Build-Signature',
          description:
            '`sha256=` and the HMAC-SHA256 of the whole body with the payload secret, in hexadecimal.',
        },
      },
    },
  };
}
