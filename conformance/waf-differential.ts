/**
 * The same requests and rules, ours and its peers: libmodsecurity 3 with the Core Rule Set 4.25.0, Apache's ModSecurity
 * 2.9 with 3.3.4. The ids of the rules that log must be the same, or the difference is one of `knownDifferences`, with a
 * reason and who is right. `WAF_DIFFERENTIAL=20000` runs that many requests against each peer; the default is a sample.
 */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, loadEngine, type MatchedRule } from '@palisade/waf';
import { openPeer } from '../bench/waf-peer.ts';
import { type CaseResult, noData, type Suite } from './suite.ts';
import { NUMBER_HEADER, openApache } from './waf-lib/apache-peer.ts';
import { type DifferentialRequest, differentialRequests } from './waf-lib/differential-requests.ts';
import { explain, type PeerName } from './waf-lib/known-differences.ts';
import { crs3Rules, crs4Missing, crs4Rules, crsSettings } from './waf-lib/rule-sets.ts';

const SAMPLE = 500;

/** Addresses and port as both are told. */
const connection = { clientAddress: '127.0.0.1', clientPort: 40_000, serverAddress: '127.0.0.1', serverPort: 80 };

/** @param isHeard which of the rules that log the peer's log tells of */
function ownIds(engine: Engine, { method, uri, headers, body }: DifferentialRequest, isHeard: (rule: MatchedRule) => boolean): Set<number> {
  const transaction = engine.transaction({ id: 'differential', now: Date.now, connection });
  transaction.requestHeaders({ method, uri, protocol: 'HTTP/1.1', headers });
  if (body !== '') transaction.requestBodyChunk(Buffer.from(body, 'latin1'));
  transaction.requestBody();
  return new Set(transaction.finish().matched.flatMap((rule) => (rule.isLogged && isHeard(rule) ? [rule.id] : [])));
}

function compare(peer: PeerName, request: DifferentialRequest, ours: ReadonlySet<number>, theirs: ReadonlySet<number>): CaseResult {
  const name = `${peer} ${request.name}`;
  const onlyOurs = [...ours].filter((id) => !theirs.has(id));
  const onlyTheirs = [...theirs].filter((id) => !ours.has(id));
  if (onlyOurs.length + onlyTheirs.length === 0) return { name, status: 'pass' };
  const reason = explain(peer, request, { onlyOurs, onlyTheirs });
  if (reason !== undefined) return { name, status: 'pass', detail: reason };
  const shown = `${request.method} ${request.uri.slice(0, 200)} ${JSON.stringify(request.body.slice(0, 200))}`;
  return { name, status: 'fail', detail: `only ours: ${onlyOurs.join() || '-'}; only ${peer}: ${onlyTheirs.join() || '-'}; ${shown}` };
}

/** What the wire adds, for both sides. */
function numbered(requests: Iterable<DifferentialRequest>): DifferentialRequest[] {
  return Array.from(requests, (request, index) => ({
    ...request,
    headers: [
      ...request.headers,
      [NUMBER_HEADER, String(index)] as const,
      ['Connection', 'close'] as const,
      ...(request.body === '' ? [] : [['Content-Length', String(request.body.length)] as const]),
    ],
  }));
}

async function* againstLibrary(requests: readonly DifferentialRequest[]): AsyncGenerator<CaseResult> {
  const files = crs4Rules().flatMap((pattern) => globSync(pattern).sort());
  if (files.length === 0) return yield { name: 'libmodsecurity', status: 'skip', detail: `no Core Rule Set 4.25.0: ${crs4Missing}` };
  let heard = new Set<number>();
  const peer = openPeer(crsSettings, files, (line) => {
    const id = /\[id "(\d+)"\]/.exec(line)?.[1];
    if (id !== undefined) heard.add(Number(id));
  });
  if (!peer)
    return yield {
      name: 'libmodsecurity',
      status: 'skip',
      detail: 'no libmodsecurity: pip fetches it, or PALISADE_LIBMODSECURITY names one',
    };
  const engine = loadEngine({ before: crsSettings, files }, { profile: 'modsecurity3' });
  try {
    for (const request of requests) {
      heard = new Set();
      peer.run({ ...request, body: request.body === '' ? undefined : Buffer.from(request.body, 'latin1'), response: undefined });
      // Its log leaves out what is not for the audit log.
      yield compare(
        'libmodsecurity',
        request,
        ownIds(engine, request, (rule) => rule.isAuditLogged),
        heard,
      );
    }
  } finally {
    peer.close();
  }
}

async function* againstApache(requests: readonly DifferentialRequest[]): AsyncGenerator<CaseResult> {
  const files = crs3Rules().flatMap((pattern) => globSync(pattern).sort());
  if (files.length === 0) return yield { name: 'apache', status: 'skip', detail: 'no Core Rule Set 3.3.4: run `npm run setup`' };
  const peer = await openApache(`${crsSettings}\n${files.map((file) => `Include ${file}`).join('\n')}`);
  if (!peer) return yield { name: 'apache', status: 'skip', detail: 'no Apache with ModSecurity: run `npm run setup`' };
  const engine = loadEngine({ before: crsSettings, files }, { profile: 'modsecurity2' });
  try {
    const answers = await peer.run(requests);
    for (const [index, request] of numbered(requests).entries()) {
      const theirs = answers[index];
      // Refused by the server itself: no rule was asked.
      if (theirs)
        yield compare(
          'apache',
          request,
          ownIds(engine, request, () => true),
          theirs,
        );
    }
  } finally {
    await peer.close();
  }
}

export const suites: Suite[] = [
  {
    name: 'waf-differential',
    async *run(dataDir) {
      if (!existsSync(join(dataDir, 'waf/crs-tests')))
        return yield { name: 'data', status: 'skip', detail: noData(join(dataDir, 'waf/crs-tests')) };
      const count = Number(process.env['WAF_DIFFERENTIAL'] ?? SAMPLE);
      const made = [...differentialRequests(dataDir, count)];
      yield* againstLibrary(numbered(made));
      yield* againstApache(made);
    },
  },
];
