import { ContractError } from '../../contract/contract-error.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { parseImageReference } from '../../contract/image-reference.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import {
  optionalBoolean,
  optionalStringMap,
  optionalStrings,
  ownValue,
  parseJson,
  parseObject,
  requiredString,
} from '../../contract/parse-json.ts';
import { FaasError } from '../errors.ts';

/** What `com.openfaas.docker.config` says. */
export interface BuildConfig {
  readonly image: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** e.g. `["linux/amd64"]`; empty: the builder's own. */
  readonly platforms: readonly string[];
  /** False when told so by `skipPush`, or when the image's name names no registry. */
  readonly push: boolean;
  /** Ours, beyond OpenFaaS: the function to deploy once the image is built. */
  readonly deploy?: FunctionDeployment;
}

/** e.g. `linux/arm/v7`. */
export const PLATFORM = /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/;

/**
 * The build configuration: `{image, buildArgs?, platforms?, skipPush?, deploy?}`. `deploy` is a FunctionDeployment
 * without `image`: what is deployed is what was built. Unknown fields are ignored.
 * @throws {FaasError} `invalid_request` that names the field
 */
export function parseBuildConfig(text: string): BuildConfig {
  try {
    const config = parseObject(parseJson(text), 'the build configuration');
    const image = requiredString(config, 'image');
    const reference = parseImageReference(image);
    if (reference.digest !== undefined) throw new ContractError('image: a build makes a tag, not a digest');
    const platforms = optionalStrings(config, 'platforms') ?? [];
    for (const [index, platform] of platforms.entries()) {
      if (PLATFORM.test(platform)) continue;
      throw new ContractError(
        `platforms[${index}]: expected one such as linux/amd64, not ${JSON.stringify(platform.slice(0, 100))}`,
      );
    }
    const deploy = ownValue(config, 'deploy') ?? undefined;
    return {
      image,
      buildArgs: optionalStringMap(config, 'buildArgs') ?? {},
      push: optionalBoolean(config, 'skipPush') !== true && reference.registry !== undefined,
      platforms: [...new Set(platforms)],
      ...(deploy !== undefined && { deploy: parseDeploy(deploy, image) }),
    };
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new FaasError('invalid_request', `com.openfaas.docker.config: ${error.message}`, { cause: error });
  }
}

function parseDeploy(value: unknown, image: string): FunctionDeployment {
  const deploy = parseObject(value, 'deploy');
  const named = ownValue(deploy, 'image');
  if (named !== undefined && named !== image) {
    throw new ContractError(
      'deploy.image: differs from image: leave it out, what is built is what is deployed',
    );
  }
  return parseDeployment({ ...deploy, image });
}
