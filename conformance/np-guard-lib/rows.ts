import { parseAddress } from './addresses.ts';
import { podNetwork } from './networks.ts';

/** `source => destination : connections`, outside ranges merged where nothing else differs, so that sets can be compared. */
export interface Row {
  readonly source: string;
  readonly destination: string;
  readonly connections: string;
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function spanOf(end: string): Span | undefined {
  const [first = '', last = first] = end.replace(/\[External\]$/, '').split('-');
  const from = parseAddress(first);
  const to = parseAddress(last);
  return from === undefined || to === undefined ? undefined : { first: from, last: to };
}

const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** Protocols and ports in one order, however they were written. */
export function canonicalConnections(text: string): string {
  if (!/\d/.test(text)) return text;
  return [...text.matchAll(/([A-Z]+) ([\d,-]+)/g)]
    .map(([, protocol, ports]) => `${protocol} ${ports!.replace(/,$/, '')}`)
    .sort()
    .join(',');
}

/** The rows as a sorted list of texts, one for each pair. */
export function canonicalRows(rows: readonly Row[]): string[] {
  const lines: string[] = [];
  const spans = new Map<string, Span[]>();
  for (const row of rows) {
    const { connections } = row;
    const source = spanOf(row.source);
    const destination = spanOf(row.destination);
    if (!source && !destination) lines.push(`${row.source} => ${row.destination} : ${connections}`);
    else {
      const key = source ? `% => ${row.destination} : ${connections}` : `${row.source} => % : ${connections}`;
      spans.set(key, [...(spans.get(key) ?? []), (source ?? destination)!]);
    }
  }
  for (const [key, list] of spans) {
    const merged: Span[] = [];
    for (const span of list.sort((a, b) => a.first - b.first)) {
      const previous = merged.at(-1);
      if (previous && span.first <= previous.last + 1)
        merged[merged.length - 1] = { first: previous.first, last: Math.max(previous.last, span.last) };
      else merged.push(span);
    }
    for (const { first, last } of merged) lines.push(key.replace('%', `${dotted(first)}-${dotted(last)}`));
  }
  return [...new Set(lines)].sort();
}

/** np-guard's text output by network, up to the section on exposure; secondary networks are left out. */
export function parseRows(text: string): Row[] {
  const rows: Row[] = [];
  let network = podNetwork;
  for (const line of text.split('\n')) {
    if (/^(Exposure Analysis Result|Workload-to-Networks Mapping)/.test(line)) break;
    network = /^Permitted connectivity analyzed in (.+):$/.exec(line)?.[1] ?? network;
    const match = /^(.+?) => (.+?) : (.+?)\s*$/.exec(line);
    if (!match || network.startsWith('secondary')) continue;
    const [source, destination] = [match[1]!, match[2]!].map((end) => end.replace('[udn]', '')) as [string, string];
    rows.push(inNetwork(network, { source, destination, connections: canonicalConnections(match[3]!) }));
  }
  return rows;
}

/** Rows of different networks are different rows. */
export const inNetwork = (network: string, row: Row): Row =>
  network === podNetwork ? row : { ...row, connections: `${network}: ${row.connections}` };

/** np-guard's text diff: `diff-type: added, source: …, destination: …, ref1: …, ref2: …`, as rows labelled `added: old -> new`. */
export function parseDiffRows(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const match =
      /^diff-type: (\w+), source: (.+?), destination: (.+?), (?:ref1|old): (.+?), (?:ref2|new): (.+?)(?:, workloads-diff-info: .*)?$/.exec(
        line,
      );
    if (!match) return [];
    const [, kind, source, destination, before, after] = match as unknown as [string, string, string, string, string, string];
    return [{ source, destination, connections: `${kind}: ${canonicalConnections(before)} -> ${canonicalConnections(after)}` }];
  });
}

/** The first few differences, for a person. */
export function differences(found: readonly string[], wanted: readonly string[]): string | undefined {
  const extra = found.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`);
  const missing = wanted.filter((line) => !found.includes(line)).map((line) => `- ${line}`);
  const all = [...missing, ...extra];
  return all.length === 0 ? undefined : `${all.length} differences: ${all.slice(0, 3).join('; ')}`;
}
