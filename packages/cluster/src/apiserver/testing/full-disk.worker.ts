/** Child process of durability.test.ts, on a file system of a few megabytes: fills it, and prints what still worked. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStatusError } from '@palisade/kubernetes';
import { createApiServer, SYSTEM_USER } from '../api-server.ts';
import { CORE, configMap } from './harness.ts';

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
writeFileSync(ballast, Buffer.alloc(3 * 1024 * 1024));
const server = await createApiServer({ stateDir: join(folder, 'state'), clock: () => new Date() });
const client = server.localClient(SYSTEM_USER);
const big = { text: 'x'.repeat(200_000) };

const acknowledged: string[] = [];
let refusal: unknown;
for (let i = 0; i < 100 && refusal === undefined; i++) {
  try {
    await client.create(CORE('configmaps'), configMap(`full-${i}`, big));
    acknowledged.push(`full-${i}`);
  } catch (error) {
    refusal = error;
  }
}
const listed = async () => (await client.list(CORE('configmaps'), { namespace: 'default' })).items.map((item) => item.metadata.name).sort();
const whileFull = await listed();
rmSync(ballast);
await client.create(CORE('configmaps'), configMap('after', big));
const afterwards = await listed();
await server.close();
const reason = isStatusError(refusal) ? refusal.status.reason : undefined;
console.log(JSON.stringify({ acknowledged: acknowledged.sort(), refusal: String(refusal), reason, whileFull, afterwards }));
