import type { ImageBuilder } from '../build/image-builder.ts';
import { FaasError } from '../errors.ts';

const refuse = async (): Promise<never> => {
  throw new FaasError(
    'provider_unavailable',
    'this gateway runs functions as processes, from their source: it has no engine that could build an image. Build with `skep build` where there is one, or send this to the gateway of a swarm',
  );
};

/** Where functions run without images there is nobody who builds them. */
export const NO_IMAGE_BUILDER: ImageBuilder = { whyNot: refuse, build: refuse };
