/**
 * np-guard/netpol-analyzer's connectivity and diff results against ours, compared as sets of (source, destination, connections).
 * Inputs that move pods out of the pod network are named skips.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  analyzeConnectivity,
  type ConnectivityChange,
  type ConnectivityRow,
  compilePolicies,
  diffConnectivity,
  formatConnections,
  listConnectivity,
} from '@palisade/netpol';
import { ingressControllerRows } from './np-guard-lib/ingress.ts';
import { loadObjects } from './np-guard-lib/load.ts';
import { canonicalConnections, canonicalRows, differences, parseDiffRows, parseRows, type Row } from './np-guard-lib/rows.ts';
import { snapshotOfManifests } from './np-guard-lib/snapshot.ts';
import type { CaseResult, Suite } from './suite.ts';

/** They move pods out of the pod network, which our policy kinds do not speak of. Networks beside it change nothing in it. */
const OTHER_PRIMARY_NETWORKS = ['UserDefinedNetwork', 'ClusterUserDefinedNetwork'];

function listingOf(objects: readonly KubernetesObject[]): { rows: ConnectivityRow[]; errors: readonly Error[] } {
  const snapshot = snapshotOfManifests(objects);
  const compiled = compilePolicies(snapshot);
  const rows = listConnectivity(analyzeConnectivity(compiled, [4]));
  for (const [destination, connections] of ingressControllerRows(objects, snapshot))
    rows.push({ source: '{ingress-controller}', destination, connections });
  return { rows, errors: compiled.errors };
}

function verdictOf(name: string, found: readonly Row[], wanted: readonly Row[]): CaseResult {
  const difference = differences(canonicalRows(found), canonicalRows(wanted));
  return difference === undefined ? { name, status: 'pass' } : { name, status: 'fail', detail: difference };
}

function judge(name: string, folder: string, expectedFile: string): CaseResult {
  const objects = loadObjects(folder);
  const moved = objects.find((object) => OTHER_PRIMARY_NETWORKS.includes(object.kind));
  if (moved) return { name, status: 'skip', detail: `primary networks of their own (${moved.kind}) are not modelled` };
  const { rows, errors } = listingOf(objects);
  if (errors.length > 0) return { name, status: 'fail', detail: `refused: ${errors[0]!.message}` };
  const found = rows.map(({ source, destination, connections }) => ({
    source,
    destination,
    connections: canonicalConnections(formatConnections(connections)),
  }));
  return verdictOf(name, found, parseRows(readFileSync(expectedFile, 'utf8')));
}

/** `diff_between_NEW_and_OLD.txt`, for pairs whose two inputs are there. */
function judgeDiff(home: string, file: string): CaseResult[] {
  const tests = readdirSync(join(home, 'tests'));
  const body = file.replace(/^.*?diff_between_/, '').replace(/\.txt$/, '');
  const after = tests.find((test) => body.startsWith(`${test}_and_`) && tests.includes(body.slice(test.length + '_and_'.length)));
  if (after === undefined) return [];
  const name = file.replace(/\.txt$/, '');
  const [older, newer] = [body.slice(after.length + '_and_'.length), after].map((test) => loadObjects(join(home, 'tests', test)));
  const moved = [...older!, ...newer!].find((object) => OTHER_PRIMARY_NETWORKS.includes(object.kind));
  if (moved) return [{ name, status: 'skip', detail: `primary networks of their own (${moved.kind}) are not modelled` }];
  const label = (change: ConnectivityChange) =>
    `${change.kind}: ${canonicalConnections(formatConnections(change.before))} -> ${canonicalConnections(formatConnections(change.after))}`;
  const found = diffConnectivity(listingOf(older!).rows, listingOf(newer!).rows).map((change) => ({
    ...change,
    connections: label(change),
  }));
  return [verdictOf(name, found, parseDiffRows(readFileSync(join(home, 'test_outputs/diff', file), 'utf8')))];
}

function run(dataDir: string): CaseResult[] {
  const home = join(dataDir, 'netpol/np-guard');
  const outputs = join(home, 'test_outputs/connlist');
  const lists = readdirSync(join(home, 'tests'))
    .sort()
    .flatMap((test) =>
      ['connlist', 'exposure'].flatMap((kind) => {
        const file = join(outputs, `${test}_${kind}_output.txt`);
        return existsSync(file) ? [judge(`${test} ${kind}`, join(home, 'tests', test), file)] : [];
      }),
    );
  const diffs = readdirSync(join(home, 'test_outputs/diff'))
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .flatMap((file) => judgeDiff(home, file));
  return [...lists, ...diffs];
}

export const suites: Suite[] = [{ name: 'np-guard', run: async (dataDir) => run(dataDir) }];
