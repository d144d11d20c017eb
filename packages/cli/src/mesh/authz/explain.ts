import type { RuleRef } from '@palisade/mesh';
import { type CallVerdict, evaluateCall, type RouteRef } from '@palisade/mesh/call';
import { kubeconfigToUse } from '../../kubeconfig.ts';
import { type Answer, printAnswer } from '../../output.ts';
import { nameOf } from '../ends.ts';
import { loadMesh, type MeshSource, type MeshSourceOptions } from '../source.ts';
import { type LiveAnswer, sendRequest } from './live.ts';
import { type Answered, type Question, type QuestionOptions, readQuestions } from './question.ts';

export interface ExplainOptions extends MeshSourceOptions, QuestionOptions {
  readonly live?: boolean;
  readonly output: string;
}

/** `palisade authz explain`. @returns 0 allowed, 1 denied (by any workload asked about); 2 when `--live` answers as none of them would */
export async function explain(options: ExplainOptions): Promise<number> {
  if (options.live && options.filename !== undefined) throw new Error('Cannot send a request to manifests: --live needs a cluster');
  const source = await loadMesh(options);
  const { from, authority, calls } = readQuestions(source, options);
  const live = options.live
    ? await sendRequest(kubeconfigToUse(options.kubeconfig), from, authority, { ...options, header: options.header ?? [] })
    : undefined;
  const explained = calls.map((call) => explainCall(source, call, Math.floor(Date.now() / 1000), live));
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

/** @param nowSeconds since 1970 */
export function explainCall(source: MeshSource, call: Question | Answered, nowSeconds: number, live?: LiveAnswer): Explained {
  if ('call' in call) return explainVerdict(source, call, evaluateCall(source.snapshot, call.call, nowSeconds), live);
  return explainAnswered(source, call, live);
}

function explainAnswered(source: MeshSource, call: Answered, live: LiveAnswer | undefined): Explained {
  const { from, authority, status, reason, share } = call;
  const agrees = live && live.status === status;
  const route = routeOf(source, call.by, share);
  const text = [
    `NOT SENT: ${reason} (${status})`,
    `  ${nameOf(from)} -> ${authority}: the caller’s own proxy answers`,
    ...route.lines,
    ...endOf(source, live, agrees),
  ];
  const data = { isAllowed: false, decidedAt: 'route', from: nameOf(from), to: { authority }, status, reason, ...route.data, live };
  return { isAllowed: false, ...(agrees === undefined ? {} : { agrees }), answer: { text: text.join('\n'), data } };
}

function explainVerdict(source: MeshSource, question: Question, verdict: CallVerdict, live: LiveAnswer | undefined): Explained {
  const { from, to, call } = question;
  const { decision, peer, transport, mode, modeFrom, isAllowed } = verdict;
  const rule = decision?.decidedBy;
  const line = lineOf(source, rule);
  const nearest = decision?.nearMisses[0];
  const shown = line ?? lineOf(source, nearest);
  const { method, path } = call.request;
  const agrees = live && live.isAllowed === isAllowed;
  const route = question.routed === undefined ? { lines: [], data: {} } : routeOf(source, question.routed.by, question.routed.share);
  const text = [
    verdict.lines[0],
    `  ${nameOf(from)} -> ${nameOf(to.pod)} port ${to.port}${to.service === undefined ? '' : ` (${to.authority})`}: ${verdict.isHttp ? `${method} ${path}` : 'a connection that is not HTTP'}`,
    ...route.lines,
    `  transport: ${transport}${peer === undefined ? '' : `, seen as ${peer}`}; the port takes ${mode}${modeFrom.length > 0 ? ` (${modeFrom.join(', ')})` : ''}`,
    ...verdict.lines.slice(1),
    ...(shown === undefined ? [] : [`  ${line === undefined ? 'closest' : 'decided at'}: ${shown}`, source.excerptOf(shown)]),
    ...endOf(source, live, agrees),
  ];
  const data = {
    isAllowed,
    decidedAt: verdict.decidedAt,
    from: nameOf(from),
    to: { pod: nameOf(to.pod), port: to.port, authority: to.authority },
    ...(verdict.isHttp ? { request: { method, path } } : {}),
    ...route.data,
    transport,
    mode,
    modeFrom,
    ...(peer === undefined ? {} : { peer }),
    ...(rule === undefined ? {} : { rule, line }),
    lines: verdict.lines,
    nearMisses: decision?.nearMisses ?? [],
    live,
  };
  return { isAllowed, ...(agrees === undefined ? {} : { agrees }), answer: { text: text.join('\n'), data } };
}

/** Rules of the old generation are renumbered by their bindings: only the role is pointed at. */
function lineOf(source: MeshSource, ref: RuleRef | undefined): string | undefined {
  if (ref === undefined) return undefined;
  const { writtenAs, namespace, name, rule } = ref;
  return source.lineOf(writtenAs ?? 'AuthorizationPolicy', namespace, name, writtenAs === undefined ? `spec.rules[${rule}]` : 'spec.rules');
}

function routeOf(source: MeshSource, by: RouteRef | undefined, share: number) {
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
