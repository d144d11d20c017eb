/**
 * np-guard/netpol-analyzer's connectivity results against ours, compared as sets of (source, destination, connections).
 * Inputs that move pods out of the pod network are named skips.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import { analyzeConnectivity, compilePolicies, formatConnections, listConnectivity } from '@palisade/netpol';
import { ingressControllerRows } from './np-guard-lib/ingress.ts';
import { loadObjects } from './np-guard-lib/load.ts';
import { canonicalRows, differences, parseRows, type Row } from './np-guard-lib/rows.ts';
import { snapshotOfManifests } from './np-guard-lib/snapshot.ts';
import type { CaseResult, Suite } from './suite.ts';

/** They move pods out of the pod network, which our policy kinds do not speak of. Networks beside it change nothing in it. */
const OTHER_PRIMARY_NETWORKS = ['UserDefinedNetwork', 'ClusterUserDefinedNetwork'];

function rowsOf(objects: readonly KubernetesObject[]): { rows: Row[]; errors: readonly Error[] } {
  const snapshot = snapshotOfManifests(objects);
  const compiled = compilePolicies(snapshot);
  const rows = listConnectivity(analyzeConnectivity(compiled, [4])).map(({ source, destination, connections }) => ({
    source,
    destination,
    connections: formatConnections(connections),
  }));
  for (const [destination, connections] of ingressControllerRows(objects, snapshot)) {
    rows.push({ source: '{ingress-controller}', destination, connections: formatConnections(connections) });
  }
  return { rows, errors: compiled.errors };
}

function judge(name: string, folder: string, expectedFile: string): CaseResult {
  const objects = loadObjects(folder);
  const moved = objects.find((object) => OTHER_PRIMARY_NETWORKS.includes(object.kind));
  if (moved) return { name, status: 'skip', detail: `primary networks of their own (${moved.kind}) are not modelled` };
  const { rows, errors } = rowsOf(objects);
  if (errors.length > 0) return { name, status: 'fail', detail: `refused: ${errors[0]!.message}` };
  const difference = differences(canonicalRows(rows), canonicalRows(parseRows(readFileSync(expectedFile, 'utf8'))));
  return difference === undefined ? { name, status: 'pass' } : { name, status: 'fail', detail: difference };
}

function run(dataDir: string): CaseResult[] {
  const home = join(dataDir, 'netpol/np-guard');
  const outputs = join(home, 'test_outputs/connlist');
  return readdirSync(join(home, 'tests'))
    .sort()
    .flatMap((test) =>
      ['connlist', 'exposure'].flatMap((kind) => {
        const file = join(outputs, `${test}_${kind}_output.txt`);
        return existsSync(file) ? [judge(`${test} ${kind}`, join(home, 'tests', test), file)] : [];
      }),
    );
}

export const suites: Suite[] = [{ name: 'np-guard', run: async (dataDir) => run(dataDir) }];
