/** Child process of durability.test.ts: writes as fast as it can and says what was acknowledged, one name a line. */
import { createApiServer, SYSTEM_USER } from '../api-server.ts';
import { CORE, configMap } from './harness.ts';

const [stateDir = '', round = ''] = process.argv.slice(2);
const server = await createApiServer({ stateDir, clock: () => new Date() });
const client = server.localClient(SYSTEM_USER);
for (let i = 0; ; i++) {
  const names = [0, 1, 2, 3].map((part) => `r${round}-${i}-${part}`);
  await Promise.all(
    names.map(async (name) => {
      await client.create(CORE('configmaps'), configMap(name, { round }));
      if (name.endsWith('-3')) await client.delete(CORE('configmaps'), { namespace: 'default', name });
      process.stdout.write(`${name}\n`);
    }),
  );
}
