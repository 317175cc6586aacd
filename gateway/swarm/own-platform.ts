import { NO_BUILDKIT } from './buildkit/has-buildkit.ts';
import type { Engine } from './engine.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
};

/**
 * Why the classic builder makes no image for this platform, if so: it has but the engine's own, and would label its image as any other.
 * @throws {FaasError} `provider_unavailable`
 */
export async function whyNotFor(engine: Engine, platform: string): Promise<string | undefined> {
  const { Os, Arch } = await engine.ask('read the version', (docker) => docker.version());
  const own = `${Os}/${Arch}`;
  const [os = '', arch = ''] = platform.toLowerCase().split('/');
  if (`${os}/${ARCHITECTURES[arch] ?? arch}` === own) return undefined;
  return `an image for ${platform} needs BuildKit, and emulation: the classic builder makes images for ${own}. ${NO_BUILDKIT}`;
}
