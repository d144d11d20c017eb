import type { Table } from '../../output.ts';
import { configOf, type Message } from './dump.ts';

export interface ClusterFilter {
  readonly fqdn?: string;
  readonly port?: string;
  readonly subset?: string;
  readonly direction?: string;
}

/** `outbound|9080|v1|details.default.svc.cluster.local`; other names are shown whole. */
export function readClusterName(name: string): { direction: string; port: string; subset: string; fqdn: string } {
  const [direction, port, subset, fqdn] = name.split('|');
  if (fqdn === undefined) return { direction: '-', port: '-', subset: '-', fqdn: name };
  return { direction: direction || '-', port: port || '-', subset: subset || '-', fqdn: fqdn || '-' };
}

export function tableOfClusters(clusters: readonly Message[], filter: ClusterFilter = {}): Table {
  const rows = clusters
    .map((cluster) => ({ ...readClusterName(cluster['name']), cluster }))
    .filter(
      (row) =>
        (filter.fqdn === undefined || row.fqdn.includes(filter.fqdn)) &&
        (filter.port === undefined || row.port === filter.port) &&
        (filter.subset === undefined || row.subset === filter.subset) &&
        (filter.direction === undefined || row.direction === filter.direction.toLowerCase()),
    )
    .map(({ fqdn, port, subset, direction, cluster }) => [fqdn, port, subset, direction, cluster['type'] ?? 'STATIC', configOf(cluster)]);
  return { header: ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'], rows: rows.sort(byCells) };
}

export function byCells(a: readonly string[], b: readonly string[]): number {
  for (const [index, cell] of a.entries()) {
    const other = b[index] ?? '';
    if (cell !== other) return cell < other ? -1 : 1;
  }
  return 0;
}
