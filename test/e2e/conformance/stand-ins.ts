import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker, emptyFolder, run, succeeded } from '../../support/cli.ts';

/** Stands in for functions/alpine: the watchdog and the usual small programs. The registry's name is to be read back as it is. */
export const TOOLS_IMAGE = 'docker.io/e2e-conformance/tools:latest';
/** Stands in for theaxer/redirector: sends every caller to the address in `destination`. */
export const REDIRECTOR_IMAGE = 'docker.io/e2e-conformance/redirector:latest';

const TOOLS = `FROM skep/watchdog:latest AS watchdog
FROM debian:bookworm-slim
COPY --from=watchdog /fwatchdog /usr/bin/fwatchdog
RUN useradd --system app
USER app
ENV fprocess="cat" healthcheck_interval="1s"
EXPOSE 8080
CMD ["fwatchdog"]
`;
const REDIRECTOR = `FROM ${TOOLS_IMAGE}
COPY --chown=app redirect /usr/bin/redirect
ENV fprocess="sh /usr/bin/redirect" cgi_response="true"
`;
/** A CGI program: the answer's head and no body. */
export const REDIRECT = `cat >/dev/null
printf 'Status: 302\\r\\nLocation: %s\\r\\n\\r\\n' "$destination"
`;

/** Builds both; the images they stand in for cannot be had without a registry. */
export async function buildStandIns(): Promise<void> {
  await build(TOOLS_IMAGE, { Dockerfile: TOOLS });
  await build(REDIRECTOR_IMAGE, { Dockerfile: REDIRECTOR, redirect: REDIRECT });
}

export async function removeStandIns(): Promise<void> {
  await docker('rmi', '-f', REDIRECTOR_IMAGE, TOOLS_IMAGE);
}

async function build(tag: string, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = emptyFolder();
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    const ran = await run('docker', ['build', '--tag', tag, '.'], {
      folder: folder.path,
      stdin: '',
      env: { DOCKER_BUILDKIT: '0' },
    });
    succeeded(`docker build of ${tag}`, ran);
  } finally {
    folder.remove();
  }
}
