import type Docker from 'dockerode';
import type { BuildRequest } from '../../build/image-builder.ts';
import type { RegistryLogins } from '../../build/registry-logins.ts';
import { type EngineMessage, readMessages } from '../engine-messages.ts';
import { openSession } from './session.ts';
import { StatusLines } from './status-lines.ts';

export interface BuildKitBuild {
  messages(signal: AbortSignal): AsyncIterable<EngineMessage>;
  close(): void;
}

/**
 * Begins a build with the engine's BuildKit.
 * @throws what dockerode rejects with
 */
export async function openBuildKit(
  docker: Docker,
  request: BuildRequest,
  options: {
    readonly logins: RegistryLogins;
    readonly labels: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<BuildKitBuild> {
  const { logins, labels, signal } = options;
  const session = await openSession(docker, { secrets: request.secrets ?? {}, logins });
  try {
    const stream = await dialBuild(docker, {
      path: '/build?',
      method: 'POST',
      isStream: true,
      file: request.context,
      abortSignal: signal,
      options: {
        version: '2',
        session: session.id,
        t: request.image,
        buildargs: { ...request.buildArgs },
        labels: { ...labels },
        ...(request.platform !== undefined && { platform: request.platform }),
      },
      statusCodes: { 200: true, 500: 'server error' },
    });
    return { messages: (ended) => withStatus(readMessages(stream, ended)), close: () => session.close() };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** dockerode's own `buildImage` opens a session of its own, which has no secrets. */
function dialBuild(docker: Docker, options: object): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      options as Parameters<typeof docker.modem.dial>[0],
      (error: unknown, stream: unknown) => {
        if (error) reject(error as Error);
        else resolve(stream as NodeJS.ReadableStream);
      },
    );
  });
}

async function* withStatus(messages: AsyncIterable<EngineMessage>): AsyncGenerator<EngineMessage> {
  const status = new StatusLines();
  for await (const message of messages) {
    if (message.trace === undefined) yield message;
    else yield { lines: status.read(message.trace) };
  }
}
