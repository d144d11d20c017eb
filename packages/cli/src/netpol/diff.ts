import {
  analyzeConnectivity,
  type ConnectivityChange,
  type ConnectivityRow,
  diffConnectivity,
  formatConnections,
  listConnectivity,
} from '@palisade/netpol';
import { type SourceOptions, sourceOfCluster, sourceOfFiles } from './source.ts';

/** Stands for the cluster as it is now, in place of a folder. */
const LIVE = 'live';

async function rowsOf(where: string, options: SourceOptions): Promise<ConnectivityRow[]> {
  const { compiled } = where === LIVE ? await sourceOfCluster(options.kubeconfig) : sourceOfFiles([where]);
  return listConnectivity(analyzeConnectivity(compiled, [4]));
}

export function renderDiff(changes: readonly ConnectivityChange[]): string {
  const sign = { added: '+', removed: '-', changed: '~' } as const;
  return changes
    .map(({ kind, source, destination, before, after }) => {
      const what =
        kind === 'changed'
          ? `${formatConnections(before)} -> ${formatConnections(after)}`
          : formatConnections(kind === 'added' ? after : before);
      return `${sign[kind]} ${source} => ${destination} : ${what}\n`;
    })
    .join('');
}

/** `palisade netpol diff OLD NEW`. @returns 0 when the same can be reached, 1 when not, as diff(1) */
export async function diff(older: string, newer: string, options: SourceOptions & { readonly output: string }): Promise<number> {
  if (!['text', 'json'].includes(options.output)) throw new Error(`Cannot print as "${options.output}": expected text or json`);
  const changes = diffConnectivity(await rowsOf(older, options), await rowsOf(newer, options));
  if (options.output === 'json') {
    const json = changes.map((change) => ({ ...change, before: formatConnections(change.before), after: formatConnections(change.after) }));
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else process.stdout.write(changes.length === 0 ? 'Nothing becomes reachable or unreachable.\n' : renderDiff(changes));
  return changes.length === 0 ? 0 : 1;
}
