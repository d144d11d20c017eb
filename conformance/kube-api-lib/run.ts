import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Contender, Reply } from './contender.ts';
import { scrub, scrubOutput } from './scrub.ts';
import type { Answer, Check, Topic } from './topic.ts';

type Variables = Record<string, string>;

/** Instead of a status or an exit code: the connection ended without an answer, or kubectl did not run. */
export const noAnswer = -1;

/** Paths that checks name by a word; the rest is what they saved. */
function pathsFor(namespace: string): Variables {
  const group = (name: string, version = 'v1') => `/apis/${name}/${version}/namespaces/${namespace}`;
  return {
    ns: namespace,
    core: `/api/v1/namespaces/${namespace}`,
    apps: group('apps'),
    batch: group('batch'),
    rbac: group('rbac.authorization.k8s.io'),
    net: group('networking.k8s.io'),
    crds: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    clusterRbac: '/apis/rbac.authorization.k8s.io/v1',
    hooksApi: '/apis/admissionregistration.k8s.io/v1',
    sa: `system:serviceaccount:${namespace}`,
  };
}

/**
 * All checks of a topic, one after the other.
 *
 * @param given further variables: `hooks` and `caBundle` of the webhooks to be called
 * @returns answers by check
 */
export async function runTopic(contender: Contender, topic: Topic, given: Variables): Promise<Map<string, Answer>> {
  const namespace = `t-${topic.name}`;
  const variables = { ...pathsFor(namespace), ...given };
  const made = async (path: string, object: object) => {
    const { code, text } = await contender.ask('POST', path, { 'Content-Type': 'application/json' }, JSON.stringify(object));
    if (code !== 201) throw new Error(`topic ${topic.name}: POST ${path}: ${code} ${text}`);
  };
  await made('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await made(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } });
  const answers = new Map<string, Answer>();
  for (const check of topic.checks) {
    if (answers.has(check.name)) throw new Error(`topic ${topic.name}: two checks are called "${check.name}"`);
    answers.set(check.name, await answer(contender, check, variables));
  }
  return answers;
}

async function answer(contender: Contender, check: Check, variables: Variables): Promise<Answer> {
  const fill = (text: string) => text.replace(/\$(\w+)/g, (whole, name: string) => variables[name] ?? whole);
  if (check.afterMs !== undefined) await sleep(check.afterMs);
  try {
    if (check.kubectl !== undefined) {
      const words = fill(check.kubectl)
        .match(/(?:[^\s']+|'[^']*')+/g)!
        .map((word) => word.replace(/'/g, ''));
      const { code, out, err } = await contender.kubectl([`--namespace=${variables['ns']}`, ...words], fill(check.stdin ?? ''));
      return { code, out: scrubOutput(out), err: scrubOutput(err) };
    }
    const [method = '', path = ''] = fill(check.send ?? '').split(/ (.*)/s);
    const reply = await contender.ask(method, path, headersOf(check, fill), bodyOf(check, fill), check.token && fill(check.token));
    const body = read(reply);
    for (const [name, at] of Object.entries(check.save ?? {})) variables[name] = String(pick(body, at));
    return shown(check, reply, body);
  } catch (error) {
    return { code: noAnswer, err: (error as Error).message };
  }
}

function headersOf(check: Check, fill: (text: string) => string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'User-Agent': 'parity/1', Accept: check.accept ?? 'application/json' };
  if (check.body !== undefined || check.type !== undefined) headers['Content-Type'] = check.type ?? 'application/json';
  if (check.as !== undefined) headers['Impersonate-User'] = fill(check.as);
  if (check.groups !== undefined) headers['Impersonate-Group'] = check.groups.map(fill);
  return headers;
}

function bodyOf({ body }: Check, fill: (text: string) => string): string | undefined {
  if (body === undefined) return undefined;
  return fill(typeof body === 'string' ? body : JSON.stringify(body));
}

/** JSON, a watch's JSON lines, YAML, or text. */
function read({ text, headers }: Reply): unknown {
  if (headers['content-type'] === 'application/yaml') return parse(text);
  const parsed = (part: string): unknown => JSON.parse(part);
  try {
    return parsed(text);
  } catch {
    try {
      return text.trim().split('\n').map(parsed);
    } catch {
      return text;
    }
  }
}

function pick(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
}

function shown({ only }: Check, { code, headers }: Reply, body: unknown): Answer {
  const warnings = ([] as string[]).concat(headers['warning'] ?? []).map((text) => scrubOutput(text));
  const compared = only === undefined ? body : Object.fromEntries(only.map((path) => [path, pick(body, path)]));
  return {
    code,
    type: String(headers['content-type'] ?? ''),
    ...(warnings.length === 0 ? {} : { warnings }),
    body: scrub(compared),
  };
}
