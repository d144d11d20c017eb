import type { RuleRef } from '@palisade/mesh';
import { type CallVerdict, type EntryVerdict, evaluateCall, evaluateEntry, type RouteRef } from '@palisade/mesh/call';
import { kubeconfigToUse } from '../../kubeconfig.ts';
import { type Answer, printAnswer } from '../../output.ts';
import { nameOf } from '../ends.ts';
import { loadMesh, type MeshSource, type MeshSourceOptions } from '../source.ts';
import type { Answered, Question, Visit } from './follow.ts';
import { dial, type LiveAnswer } from './live.ts';
import { type QuestionOptions, readQuestions } from './question.ts';

export interface ExplainOptions extends MeshSourceOptions, QuestionOptions {
  readonly live?: boolean;
  readonly output: string;
}

/** `palisade authz explain`. @returns 0 allowed, 1 denied (by any workload asked about); 2 when `--live` answers as none of them would */
export async function explain(options: ExplainOptions): Promise<number> {
  if (options.live && options.filename !== undefined) throw new Error('Cannot send a request to manifests: --live needs a cluster');
  const source = await loadMesh(options);
  const { dial: dialed, calls } = readQuestions(source, options);
  const request = { ...options, header: options.header ?? [] };
  const live = options.live ? await dial(kubeconfigToUse(options.kubeconfig), source, dialed, request) : undefined;
  const explained = calls.flatMap((call) => explainCall(source, call, Math.floor(Date.now() / 1000), live));
  const data = explained.length === 1 ? explained[0]!.answer.data : explained.map(({ answer }) => answer.data);
  printAnswer({ text: explained.map(({ answer }) => answer.text).join('\n\n'), data }, options.output);
  if (explained.every(({ agrees }) => agrees === false)) return 2;
  return explained.every(({ isAllowed }) => isAllowed) ? 0 : 1;
}

export interface Explained {
  readonly isAllowed: boolean;
  /** With the live answer; absent without one. */
  readonly agrees?: boolean;
  readonly answer: Answer;
}

/** @param nowSeconds since 1970. @returns several where a gateway's route leads to several workloads */
export function explainCall(source: MeshSource, call: Question | Answered | Visit, nowSeconds: number, live?: LiveAnswer): Explained[] {
  if ('entry' in call) return explainVisit(source, call, nowSeconds, live);
  return [explainHop(source, call, nowSeconds, live)];
}

/** What came before the proxy that decides. */
interface Before {
  readonly lines: readonly string[];
  readonly data: object;
}

const nothing: Before = { lines: [], data: {} };

function explainHop(source: MeshSource, call: Question | Answered, nowSeconds: number, live?: LiveAnswer, before = nothing): Explained {
  if ('call' in call) return explainVerdict(source, call, evaluateCall(source.snapshot, call.call, nowSeconds), live, before);
  return explainAnswered(source, call, live, before);
}

function explainVisit(source: MeshSource, visit: Visit, nowSeconds: number, live: LiveAnswer | undefined): Explained[] {
  const { entry, gateway, onward, from, authority } = visit;
  const { method, path } = entry.request;
  const verdict = evaluateEntry(source.snapshot, entry, nowSeconds);
  const way = `  ${from} -> ${nameOf(gateway)} port ${entry.podPort} (${authority}): ${method} ${path}`;
  const { isAllowed, lines, decidedAt, decision, isTokenForwarded } = verdict;
  const at = { pod: nameOf(gateway), port: entry.podPort, authority };
  const said = { isAllowed, decidedAt, lines, ...ruleOf(source, decision).data, nearMisses: decision?.nearMisses ?? [] };
  if (!isAllowed) {
    const agrees = live && live.isAllowed === isAllowed;
    const text = [lines[0], way, ...lines.slice(1), ...ruleOf(source, decision).lines, ...endOf(source, live, agrees)];
    const data = { from, to: at, request: { method, path }, ...said, live };
    return [{ isAllowed, ...(agrees === undefined ? {} : { agrees }), answer: { text: text.join('\n'), data } }];
  }
  const before: Before = {
    lines: [way, `  the gateway: ${lines[0]}`, ...lines.slice(1)],
    data: { entry: { from, ...at, request: { method, path }, ...said } },
  };
  const withToken = (call: Question | Answered): Question | Answered => {
    if (isTokenForwarded || !('call' in call)) return call;
    const { token: _, ...rest } = call.call;
    return { ...call, call: rest };
  };
  return onward.map((call) => explainHop(source, withToken(call), nowSeconds, live, before));
}

function explainAnswered(source: MeshSource, call: Answered, live: LiveAnswer | undefined, before: Before): Explained {
  const { from, authority, status, reason, share } = call;
  const agrees = live && live.status === status;
  const route = call.by === undefined ? nothing : routeOf(source, call.by, share);
  const text = [
    `NOT SENT: ${reason} (${status === 0 ? 'the connection is closed' : status})`,
    ...before.lines,
    `  ${nameOf(from)} -> ${authority}: ${before === nothing ? 'the caller’s own proxy' : 'the gateway'} answers`,
    ...route.lines,
    ...endOf(source, live, agrees),
  ];
  const data = {
    isAllowed: false,
    decidedAt: 'route',
    from: nameOf(from),
    to: { authority },
    status,
    reason,
    ...before.data,
    ...route.data,
    live,
  };
  return { isAllowed: false, ...(agrees === undefined ? {} : { agrees }), answer: { text: text.join('\n'), data } };
}

function explainVerdict(
  source: MeshSource,
  question: Question,
  verdict: CallVerdict,
  live: LiveAnswer | undefined,
  before: Before,
): Explained {
  const { from, to, call } = question;
  const { decision, peer, transport, mode, modeFrom, isAllowed } = verdict;
  const { method, path } = call.request;
  const agrees = live && live.isAllowed === isAllowed;
  const route = question.routed === undefined ? nothing : routeOf(source, question.routed.by, question.routed.share);
  const rule = ruleOf(source, decision);
  const text = [
    verdict.lines[0],
    ...before.lines,
    `  ${nameOf(from)} -> ${nameOf(to.pod)} port ${to.port}${to.service === undefined ? '' : ` (${to.authority})`}: ${verdict.isHttp ? `${method} ${path}` : 'a connection that is not HTTP'}`,
    ...route.lines,
    `  transport: ${transport}${peer === undefined ? '' : `, seen as ${peer}`}; the port takes ${mode}${modeFrom.length > 0 ? ` (${modeFrom.join(', ')})` : ''}`,
    ...verdict.lines.slice(1),
    ...rule.lines,
    ...endOf(source, live, agrees),
  ];
  const data = {
    isAllowed,
    decidedAt: verdict.decidedAt,
    from: nameOf(from),
    to: { pod: nameOf(to.pod), port: to.port, authority: to.authority },
    ...(verdict.isHttp ? { request: { method, path } } : {}),
    ...before.data,
    ...route.data,
    transport,
    mode,
    modeFrom,
    ...(peer === undefined ? {} : { peer }),
    ...rule.data,
    lines: verdict.lines,
    nearMisses: decision?.nearMisses ?? [],
    live,
  };
  return { isAllowed, ...(agrees === undefined ? {} : { agrees }), answer: { text: text.join('\n'), data } };
}

/** The line that decides; where no rule matched, that of the closest one. */
function ruleOf(source: MeshSource, decision: EntryVerdict['decision']): Before {
  const rule = decision?.decidedBy;
  const line = lineOf(source, rule);
  const shown = line ?? lineOf(source, decision?.nearMisses[0]);
  return {
    lines: shown === undefined ? [] : [`  ${line === undefined ? 'closest' : 'decided at'}: ${shown}`, source.excerptOf(shown)],
    data: rule === undefined ? {} : { rule, line },
  };
}

/** Rules of the old generation are renumbered by their bindings: only the role is pointed at. */
function lineOf(source: MeshSource, ref: RuleRef | undefined): string | undefined {
  if (ref === undefined) return undefined;
  const { writtenAs, namespace, name, rule } = ref;
  return source.lineOf(writtenAs ?? 'AuthorizationPolicy', namespace, name, writtenAs === undefined ? `spec.rules[${rule}]` : 'spec.rules');
}

function routeOf(source: MeshSource, by: RouteRef | undefined, share: number): Before {
  if (by === undefined) return { lines: ['  routed by the name in the request, which is not the one that was dialed'], data: {} };
  const line = source.lineOf('VirtualService', by.namespace, by.name, by.field);
  const part = share === 1 ? '' : `, ${Math.round(share * 1000) / 10} % of the requests`;
  return {
    lines: [`  routed by VirtualService ${by.namespace}/${by.name} ${by.field}${line === undefined ? '' : ` (${line})`}${part}`],
    data: { route: { ...by, line, share } },
  };
}

function endOf({ problems }: MeshSource, live: LiveAnswer | undefined, agrees: boolean | undefined): string[] {
  return [
    ...problems.map((problem) => `  not in force: ${problem}`),
    ...(live === undefined ? [] : [`  live: ${live.text}: ${agrees ? 'agrees' : 'DISAGREES'}`]),
  ];
}
