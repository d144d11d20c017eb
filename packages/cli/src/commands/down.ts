import { stopCluster } from '@palisade/cluster';

/** `palisade down`. @returns the exit code */
export async function down(raw: Record<string, unknown>): Promise<number> {
  const { name, purge } = raw as { name: string; purge?: boolean };
  if (process.getuid?.() !== 0) throw new Error('The cluster runs as root: type "sudo npx palisade down".');
  const { wasRunning } = await stopCluster(name, { purge: purge === true });
  const objects = purge ? 'its objects are removed' : 'its objects are kept for the next "palisade up" ("down --purge" removes them)';
  console.log(wasRunning ? `The cluster is down; ${objects}.` : `No cluster "${name}" was running; ${objects}.`);
  return 0;
}
