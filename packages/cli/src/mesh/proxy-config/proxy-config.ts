import { readFileSync } from 'node:fs';
import { kubeconfigToUse } from '../../kubeconfig.ts';
import { withClient } from '../../netpol/live.ts';
import { type Answer, printAnswer, renderRows, type Table } from '../../output.ts';
import { askProxy } from '../ask.ts';
import { findPods, parseTarget } from '../target.ts';
import { type ClusterFilter, tableOfClusters } from './clusters.ts';
import { type Message, type PartName, partNames, readPart } from './dump.ts';
import { type EndpointFilter, tableOfEndpoints } from './endpoints.ts';
import { type ListenerFilter, tableOfListeners } from './listeners.ts';
import { type RouteFilter, tableOfRoutes } from './routes.ts';
import { tableOfSecrets } from './secrets.ts';

export interface ProxyConfigOptions extends ClusterFilter, ListenerFilter, RouteFilter, EndpointFilter {
  readonly namespace: string;
  readonly output: string;
  readonly file?: string;
  readonly kubeconfig?: string;
}

/** `palisade proxy-config PART POD`. @returns 0 */
export async function proxyConfig(part: string, pod: string | undefined, options: ProxyConfigOptions): Promise<number> {
  const wanted = part === 'all' ? partNames : partNames.filter((name) => name === part || name === `${part}s`);
  if (wanted.length === 0) throw new Error(`Cannot show "${part}": expected ${partNames.join(', ')} or all`);
  const dump = options.file === undefined ? await dumpOf(pod, options) : (JSON.parse(readFileSync(options.file, 'utf8')) as unknown);
  printAnswer(answerOf(dump, wanted, options, new Date()), options.output);
  return 0;
}

export function answerOf(dump: unknown, wanted: readonly PartName[], options: Partial<ProxyConfigOptions>, now: Date): Answer {
  const tables: Readonly<Record<PartName, (messages: readonly Message[]) => Table>> = {
    clusters: (messages) => tableOfClusters(messages, options),
    endpoints: (messages) => tableOfEndpoints(messages, options),
    listeners: (messages) => tableOfListeners(messages, options),
    routes: (messages) => tableOfRoutes(messages, options),
    secrets: (messages) => tableOfSecrets(messages, now),
  };
  const found = wanted.map((name) => ({ name, messages: readPart(dump, name) }));
  return {
    text: found.map(({ name, messages }) => renderRows(tables[name](messages), `No ${name}.`)).join('\n\n'),
    data: found.length === 1 ? found[0]!.messages : Object.fromEntries(found.map(({ name, messages }) => [name, messages])),
  };
}

async function dumpOf(pod: string | undefined, options: ProxyConfigOptions): Promise<unknown> {
  if (pod === undefined) throw new Error('Cannot show a configuration: name a pod, or a dump with --file');
  const kubeconfig = kubeconfigToUse(options.kubeconfig);
  const [found] = await withClient(kubeconfig, (client) => findPods(client, parseTarget(pod, options.namespace)));
  const { namespace = 'default', name = '' } = found!.metadata;
  return askProxy(kubeconfig, { namespace, name }, '/config_dump?include_eds');
}
