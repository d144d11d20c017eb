import type { PathNormalization, RuleRef } from '@palisade/mesh';
import { type Call, type CallVerdict, evaluateCall } from '@palisade/mesh/call';
import { kubeconfigToUse } from '../../kubeconfig.ts';
import { type Answer, printAnswer } from '../../output.ts';
import { readPort } from '../../port.ts';
import { type Destination, findDestinations, findSourcePods, nameOf } from '../ends.ts';
import { hasProxy, loadMesh, type MeshSource, type MeshSourceOptions, workloadOf } from '../source.ts';
import { type LiveAnswer, sendRequest } from './live.ts';

export interface ExplainOptions extends MeshSourceOptions {
  readonly from: string;
  readonly to: string;
  readonly port?: string;
  readonly method: string;
  readonly path: string;
  readonly header?: readonly string[];
  /** A token, or its claims as JSON. */
  readonly jwt?: string;
  readonly live?: boolean;
  readonly namespace: string;
  readonly output: string;
}

/** `palisade authz explain`. @returns 0 allowed, 1 denied (by any workload asked about); 2 when `--live` answers as none of them would */
export async function explain(options: ExplainOptions): Promise<number> {
  if (options.live && options.filename !== undefined) throw new Error('Cannot send a request to manifests: --live needs a cluster');
  const source = await loadMesh(options);
  const questions = readQuestions(source, options);
  const asked = questions.map((question) => ({
    question,
    verdict: evaluateCall(source.snapshot, question.call, Math.floor(Date.now() / 1000)),
  }));
  const [{ from, to }] = questions as [Question];
  const live = options.live
    ? await sendRequest(kubeconfigToUse(options.kubeconfig), from, to.authority, { ...options, header: options.header ?? [] })
    : undefined;
  const answers = asked.map(({ question, verdict }) => explainAnswer(source, question, verdict, live));
  const data = answers.length === 1 ? answers[0]!.data : answers.map((answer) => answer.data);
  printAnswer({ text: answers.map(({ text }) => text).join('\n\n'), data }, options.output);
  if (live !== undefined && asked.every(({ verdict }) => verdict.isAllowed !== live.isAllowed)) return 2;
  return asked.every(({ verdict }) => verdict.isAllowed) ? 0 : 1;
}

export interface Question {
  readonly from: ReturnType<typeof findSourcePods>[number];
  readonly to: Destination;
  readonly call: Call;
}

/** One for each workload behind the destination. */
export function readQuestions(source: MeshSource, options: Omit<ExplainOptions, 'output' | 'istioNamespace'>): Question[] {
  const [from] = findSourcePods(source, options.from, options.namespace);
  const port = options.port === undefined ? undefined : readPort(options.port);
  return findDestinations(source, options.to, options.namespace, port).map((to) => questionOf(source, from!, to, options));
}

function questionOf(
  source: MeshSource,
  from: Question['from'],
  to: Destination,
  options: Pick<ExplainOptions, 'method' | 'path' | 'header' | 'jwt'>,
): Question {
  if (workloadOf(to.pod).isGateway)
    throw new Error(`Cannot explain a call of gateway ${nameOf(to.pod)}: its Gateways decide; ask from it to the service behind`);
  const headers = readHeaders(options.header ?? []);
  const token = options.jwt === undefined ? undefined : readClaims(options.jwt);
  return {
    from,
    to,
    call: {
      from: { workload: workloadOf(from), hasProxy: hasProxy(from) },
      to: {
        workload: workloadOf(to.pod),
        hasProxy: hasProxy(to.pod),
        port: to.port,
        ...(to.service === undefined ? {} : { service: to.service }),
      },
      request: {
        method: options.method,
        authority: headers.get('host')?.[0] ?? to.authority,
        path: decidingPath(options.path, source.snapshot.settings.pathNormalization),
        headers,
      },
      ...(token === undefined ? {} : { token }),
    },
  };
}

function readHeaders(lines: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([^:=\s]+)\s*[:=]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`Cannot use --header "${line}": expected "name: value"`);
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value!.trim()]);
  }
  return headers;
}

const unreserved = /[\w.~-]/;

/** As the proxy's normalisation leaves it before rules look (Istio's modes): without query and fragment in all of them. */
export function decidingPath(path: string, mode: PathNormalization): string {
  if (!path.startsWith('/')) throw new Error(`Cannot use --path "${path}": expected it to begin with "/"`);
  const plain = path.replace(/[?#].*$/s, '');
  if (mode === 'NONE') return plain;
  const slashes = mode === 'DECODE_AND_MERGE_SLASHES' ? plain.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\') : plain;
  const decoded = slashes.replaceAll(/%([0-9a-f]{2})/gi, (code, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : code;
  });
  const resolved = new URL(`http://host${decoded}`).pathname;
  return mode === 'BASE' ? resolved : resolved.replaceAll(/\/{2,}/g, '/');
}

function readClaims(text: string): Record<string, unknown> {
  const json = text.trimStart().startsWith('{') ? text : Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8');
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    throw new Error('Cannot read --jwt: expected a token (three parts with dots) or its claims as a JSON object');
  }
}

export function explainAnswer(source: MeshSource, { from, to, call }: Question, verdict: CallVerdict, live?: LiveAnswer): Answer {
  const { decision, peer, transport, mode, modeFrom } = verdict;
  const rule = decision?.decidedBy;
  // Rules of the old generation are renumbered by their bindings: only the role is pointed at.
  const lineOf = (ref: RuleRef | undefined) =>
    ref &&
    source.lineOf(
      ref.writtenAs ?? 'AuthorizationPolicy',
      ref.namespace,
      ref.name,
      ref.writtenAs === undefined ? `spec.rules[${ref.rule}]` : 'spec.rules',
    );
  const line = lineOf(rule);
  const nearest = decision?.nearMisses[0];
  const shown = line ?? lineOf(nearest);
  const { method, path } = call.request;
  const text = [
    verdict.lines[0],
    `  ${nameOf(from)} -> ${nameOf(to.pod)} port ${to.port}${to.service === undefined ? '' : ` (${to.authority})`}: ${verdict.isHttp ? `${method} ${path}` : 'a connection that is not HTTP'}`,
    `  transport: ${transport}${peer === undefined ? '' : `, seen as ${peer}`}; the port takes ${mode}${modeFrom.length > 0 ? ` (${modeFrom.join(', ')})` : ''}`,
    ...verdict.lines.slice(1),
    ...(shown === undefined ? [] : [`  ${line === undefined ? 'closest' : 'decided at'}: ${shown}`, source.excerptOf(shown)]),
    ...source.problems.map((problem) => `  not in force: ${problem}`),
    ...(live === undefined ? [] : [`  live: ${live.text}: ${live.isAllowed === verdict.isAllowed ? 'agrees' : 'DISAGREES'}`]),
  ];
  return {
    text: text.join('\n'),
    data: {
      isAllowed: verdict.isAllowed,
      decidedAt: verdict.decidedAt,
      from: nameOf(from),
      to: { pod: nameOf(to.pod), port: to.port, authority: to.authority },
      ...(verdict.isHttp ? { request: { method, path } } : {}),
      transport,
      mode,
      modeFrom,
      ...(peer === undefined ? {} : { peer }),
      ...(rule === undefined ? {} : { rule, line }),
      lines: verdict.lines,
      nearMisses: decision?.nearMisses ?? [],
      ...(live === undefined ? {} : { live }),
    },
  };
}
