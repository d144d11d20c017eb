// The one set-up step behind `npm run demo`, `npm test` and the rest: does what is missing, shows it, and nothing the
// second time. Plain JavaScript so that any Node >= 18 can start it.
import { pathToFileURL } from 'node:url';
import { installEnvoy } from './setup/envoy.mjs';
import { generateSources } from './setup/generate.mjs';
import { installModules, projectNode } from './setup/modules.mjs';
import { installMongo } from './setup/mongo.mjs';
import { cacheDir, root, userHome } from './setup/paths.mjs';
import { installTools, toolsPath } from './setup/tools.mjs';

const installPeer = { envoy: installEnvoy, mongo: installMongo };

/**
 * @param {{ tools?: boolean, peers?: ('envoy' | 'mongo')[], onlyMissing?: boolean, quiet?: boolean }} options `tools: false` leaves out what only a
 *   running cluster needs; `peers` fetches what stories are played with and is not ours, where it can be had; `onlyMissing` does not
 *   bring packages up to date that are there
 * @returns {Promise<{ node: string, env: NodeJS.ProcessEnv }>} the project's Node 24 and an environment that finds the tools
 */
export async function setup({ tools = true, peers = [], onlyMissing = false, quiet = false } = {}) {
  const say = quiet ? () => {} : (line) => process.stderr.write(`${line}\n`);
  refuseOldNode();
  await installModules(say, { onlyMissing });
  await generateSources(say);
  if (tools && process.platform === 'linux') await installTools(say);
  if (process.platform === 'linux') for (const peer of peers) installPeer[peer](say);
  return {
    node: projectNode(),
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:${toolsPath()}`,
      PALISADE_CACHE: cacheDir(),
      PALISADE_ROOT: root,
      PALISADE_HOME: userHome(),
    },
  };
}

function refuseOldNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 18) return;
  console.error(`Palisade needs Node 18 or newer to start (found ${process.versions.node}). Install it and run the same command again.`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await setup({ quiet: process.argv.includes('--quiet') });
}
