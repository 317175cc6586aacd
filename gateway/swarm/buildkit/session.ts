import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import type Docker from 'dockerode';
import protobuf from 'protobufjs/light.js';
import type { SecretValues } from '../../../contract/sealed-secrets.ts';
import type { RegistryLogins } from '../../build/registry-logins.ts';

const { Field, MapField, Type } = protobuf;

/** Of moby.buildkit.secrets.v1 and moby.filesync.v1: what is asked for and answered. */
const GetSecretRequest = new Type('GetSecretRequest')
  .add(new Field('ID', 1, 'string'))
  .add(new MapField('annotations', 2, 'string', 'string'));
const GetSecretResponse = new Type('GetSecretResponse').add(new Field('data', 1, 'bytes'));
const CredentialsRequest = new Type('CredentialsRequest').add(new Field('Host', 1, 'string'));
const CredentialsResponse = new Type('CredentialsResponse')
  .add(new Field('Username', 1, 'string'))
  .add(new Field('Secret', 2, 'string'));
/** Of grpc.health.v1. */
const HealthCheckRequest = new Type('HealthCheckRequest').add(new Field('service', 1, 'string'));
const HealthCheckResponse = new Type('HealthCheckResponse').add(new Field('status', 1, 'int32'));
const SERVING = 1;

export interface Session {
  /** For the build that may ask. */
  readonly id: string;
  close(): void;
}

/**
 * The connection on which BuildKit asks back, by gRPC, for secrets and for credentials of registries.
 * @throws what dockerode rejects with
 */
export async function openSession(
  docker: Docker,
  { secrets, logins }: { readonly secrets: SecretValues; readonly logins: RegistryLogins },
): Promise<Session> {
  const id = randomUUID();
  const socket = await upgrade(docker, id);
  const server = new Server();
  server.addService(
    {
      GetSecret: method('/moby.buildkit.secrets.v1.Secrets/GetSecret', GetSecretRequest, GetSecretResponse),
    },
    {
      GetSecret: answering(({ ID }: { ID: string }) => {
        const data = Object.hasOwn(secrets, ID) ? secrets[ID] : undefined;
        return data && { data };
      }),
    },
  );
  server.addService(
    {
      Credentials: method('/moby.filesync.v1.Auth/Credentials', CredentialsRequest, CredentialsResponse),
    },
    {
      Credentials: answering(({ Host }: { Host: string }) => {
        const login = logins.at(Host);
        return login ? { Username: login.username, Secret: login.password } : {};
      }),
    },
  );
  // Asked every few seconds: who does not answer loses the session, and steps that want a secret later fail.
  server.addService(
    { Check: method('/grpc.health.v1.Health/Check', HealthCheckRequest, HealthCheckResponse) },
    { Check: answering(() => ({ status: SERVING })) },
  );
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

function upgrade(docker: Docker, id: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = {
      path: '/session',
      method: 'POST',
      hijack: true,
      headers: {
        Upgrade: 'h2c',
        'X-Docker-Expose-Session-Uuid': id,
        'X-Docker-Expose-Session-Name': 'skep',
      },
      statusCodes: { 200: true, 500: 'server error' },
    };
    docker.modem.dial(options, (error: unknown, socket: unknown) => {
      if (error) reject(error as Error);
      else resolve(socket as Socket);
    });
  });
}

function method(path: string, request: protobuf.Type, response: protobuf.Type): ServiceDefinition[string] {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: object) => Buffer.from(request.encode(value).finish()),
    requestDeserialize: (bytes: Buffer) => request.decode(bytes),
    responseSerialize: (value: object) => Buffer.from(response.encode(value).finish()),
    responseDeserialize: (bytes: Buffer) => response.decode(bytes),
  };
}

function answering<Request>(
  answer: (request: Request) => object | undefined,
): handleUnaryCall<Request, object> {
  return ({ request }, callback) => {
    const found = answer(request);
    if (found === undefined) callback({ code: status.NOT_FOUND, details: 'there is no such secret' });
    else callback(null, found);
  };
}
