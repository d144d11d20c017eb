/**
 * np-guard/netpol-analyzer's results against ours, compared as sets: connectivity (source, destination, connections), diff, exposure
 * (workload, direction, who, connections) and explanation (source, destination, connections, verdict and deciding policies at each
 * end). Where several NetworkPolicies allow the same, np-guard names all of them and we one: it must be among them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  analyzeConnectivity,
  type ClusterSnapshot,
  type CompiledPolicies,
  type ConnectivityChange,
  type ConnectivityRow,
  compilePolicies,
  diffConnectivity,
  formatConnections,
  listConnectivity,
} from '@palisade/netpol';
import { explanationDifferences, parseExplanation } from './np-guard-lib/explain.ts';
import { exposureRows, parseExposureRows } from './np-guard-lib/exposure.ts';
import { ingressControllerRows } from './np-guard-lib/ingress.ts';
import { loadObjects } from './np-guard-lib/load.ts';
import { networksOf } from './np-guard-lib/networks.ts';
import { canonicalConnections, canonicalRows, differences, inNetwork, parseDiffRows, parseRows, type Row } from './np-guard-lib/rows.ts';
import { snapshotOfManifests } from './np-guard-lib/snapshot.ts';
import type { CaseResult, Suite } from './suite.ts';

/** The cluster of one network: its pods alone, and everything else as it is. */
interface Network {
  readonly title: string;
  readonly snapshot: ClusterSnapshot;
  readonly compiled: CompiledPolicies;
}

function networksIn(objects: readonly KubernetesObject[]): Network[] {
  const snapshot = snapshotOfManifests(objects);
  const titleOf = networksOf(objects);
  const titles = [...new Set(snapshot.pods.map((pod) => titleOf(pod.namespace)))];
  return titles.map((title) => {
    const own = { ...snapshot, pods: snapshot.pods.filter((pod) => titleOf(pod.namespace) === title) };
    return { title, snapshot: own, compiled: compilePolicies(own) };
  });
}

function listingOf(objects: readonly KubernetesObject[], { compiled, snapshot }: Network): ConnectivityRow[] {
  const rows = listConnectivity(analyzeConnectivity(compiled, [4]));
  for (const [destination, connections] of ingressControllerRows(objects, snapshot))
    rows.push({ source: '{ingress-controller}', destination, connections });
  return rows;
}

function verdictOf(name: string, found: readonly Row[], wanted: readonly Row[]): CaseResult {
  const difference = differences(canonicalRows(found), canonicalRows(wanted));
  return difference === undefined ? { name, status: 'pass' } : { name, status: 'fail', detail: difference };
}

/** @returns undefined when the file speaks of nothing that is ours (secondary networks alone) */
type Judge = (name: string, objects: readonly KubernetesObject[], networks: readonly Network[], expected: string) => CaseResult | undefined;

const judgeConnectivity: Judge = (name, objects, networks, expected) => {
  const found = networks.flatMap((network) =>
    listingOf(objects, network).map(({ source, destination, connections }) =>
      inNetwork(network.title, { source, destination, connections: canonicalConnections(formatConnections(connections)) }),
    ),
  );
  return verdictOf(name, found, parseRows(expected));
};

const judgeExposure: Judge = (name, _, networks, expected) =>
  verdictOf(
    name,
    networks.flatMap(({ compiled }) => exposureRows(compiled)),
    parseExposureRows(expected),
  );

const judgeExplanation: Judge = (name, _, networks, expected) => {
  const claims = parseExplanation(expected);
  const wrong = networks.flatMap(({ compiled, snapshot }) => {
    const isHere = (end: string) => !end.includes('/') || snapshot.pods.some((pod) => end.startsWith(`${pod.namespace}/`));
    return explanationDifferences(
      claims.filter(({ source, destination }) => isHere(source) && isHere(destination)),
      compiled,
    );
  });
  if (claims.length === 0 && / in secondary /.test(expected)) return undefined;
  if (claims.length === 0) return { name, status: 'fail', detail: 'no explanation could be read' };
  return wrong.length === 0
    ? { name, status: 'pass' }
    : { name, status: 'fail', detail: `${wrong.length} differences: ${wrong.slice(0, 3).join('; ')}` };
};

/** What each kind of output file is judged by, after its test's name and any options. */
const judges: readonly (readonly [suffix: RegExp, kind: string, judge: Judge])[] = [
  [/^_connlist_output$/, 'connlist', judgeConnectivity],
  [/^_exposure_output$/, 'exposure connlist', judgeConnectivity],
  [/^_exposure_output$/, 'exposure', judgeExposure],
  // With options it is a part of the whole, and each part stands for itself.
  [/^.*_explain(_exposure)?_output$/, 'explain', judgeExplanation],
];

function judgeTest(home: string, test: string, files: readonly string[]): CaseResult[] {
  const objects = loadObjects(join(home, 'tests', test));
  const networks = networksIn(objects);
  return files.flatMap((file) => {
    const rest = file.slice(test.length, -'.txt'.length);
    const expected = readFileSync(join(home, 'test_outputs/connlist', file), 'utf8');
    return judges
      .filter(([suffix]) => suffix.test(rest))
      .flatMap(([, kind, judge]) => {
        const options = rest.replace(/^_/, '').replace(/_?(connlist|exposure|explain(_exposure)?)_output$/, '');
        const name = `${test} ${kind}${options === '' ? '' : ` ${options}`}${rest.endsWith('explain_exposure_output') ? ' (with exposure)' : ''}`;
        const error = networks.flatMap(({ compiled }) => compiled.errors)[0];
        if (error) return { name, status: 'fail' as const, detail: `refused: ${error.message}` };
        return judge(name, objects, networks, expected) ?? [];
      });
  });
}

/** `diff_between_NEW_and_OLD.txt`, for pairs whose two inputs are there. */
function judgeDiff(home: string, tests: readonly string[], file: string): CaseResult[] {
  const body = file.replace(/^.*?diff_between_/, '').replace(/\.txt$/, '');
  const after = tests.find((test) => body.startsWith(`${test}_and_`) && tests.includes(body.slice(test.length + '_and_'.length)));
  if (after === undefined) return [];
  const rowsOf = (test: string) => {
    const objects = loadObjects(join(home, 'tests', test));
    return networksIn(objects).flatMap((network) => listingOf(objects, network));
  };
  const label = (change: ConnectivityChange) =>
    `${change.kind}: ${canonicalConnections(formatConnections(change.before))} -> ${canonicalConnections(formatConnections(change.after))}`;
  const found = diffConnectivity(rowsOf(body.slice(after.length + '_and_'.length)), rowsOf(after)).map((change) => ({
    ...change,
    connections: label(change),
  }));
  return [verdictOf(file.replace(/\.txt$/, ''), found, parseDiffRows(readFileSync(join(home, 'test_outputs/diff', file), 'utf8')))];
}

function run(dataDir: string): CaseResult[] {
  const home = join(dataDir, 'netpol/np-guard');
  const tests = readdirSync(join(home, 'tests')).sort();
  const outputs = readdirSync(join(home, 'test_outputs/connlist')).filter((file) => file.endsWith('.txt'));
  const byTest = new Map<string, string[]>();
  for (const file of outputs.sort()) {
    // The longest name: one test's may begin with another's.
    const test = tests.filter((one) => file.startsWith(`${one}_`)).sort((a, b) => b.length - a.length)[0];
    if (test !== undefined) byTest.set(test, [...(byTest.get(test) ?? []), file]);
  }
  const lists = [...byTest].flatMap(([test, files]) => judgeTest(home, test, files));
  const diffs = readdirSync(join(home, 'test_outputs/diff')).filter((file) => file.endsWith('.txt'));
  return [...lists, ...diffs.sort().flatMap((file) => judgeDiff(home, tests, file))];
}

export const suites: Suite[] = [{ name: 'np-guard', run: async (dataDir) => run(dataDir) }];
