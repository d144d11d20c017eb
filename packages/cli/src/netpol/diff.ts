import {
  analyzeConnectivity,
  type ConnectivityChange,
  type ConnectivityRow,
  diffConnectivity,
  formatConnections,
  listConnectivity,
} from '@palisade/netpol';
import { printAnswer } from '../output.ts';
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
  const changes = diffConnectivity(await rowsOf(older, options), await rowsOf(newer, options));
  printAnswer(
    {
      text: changes.length === 0 ? 'Nothing becomes reachable or unreachable.' : renderDiff(changes),
      data: changes.map((change) => ({ ...change, before: formatConnections(change.before), after: formatConnections(change.after) })),
    },
    options.output,
  );
  return changes.length === 0 ? 0 : 1;
}
