/** `palisade proxy-status`: has each proxy taken what it was sent? With a pod: does it run what it was sent? */
import type { ProxySync, SyncState } from '@palisade/control-plane';
import { TypeUrl } from '@palisade/xds';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { withClient } from '../netpol/live.ts';
import { type Answer, printAnswer } from '../output.ts';
import { renderTable } from '../table.ts';
import { askControlPlanes, askProxy } from './ask.ts';
import { type Message, readPart } from './proxy-config/dump.ts';
import { findPods, parseTarget } from './target.ts';

export interface StatusOptions {
  readonly namespace?: string;
  readonly istioNamespace: string;
  readonly output: string;
  readonly kubeconfig?: string;
}

const columns = [
  ['CDS', TypeUrl.cluster],
  ['LDS', TypeUrl.listener],
  ['EDS', TypeUrl.clusterLoadAssignment],
  ['RDS', TypeUrl.routeConfiguration],
] as const;

/** @returns 0 when every proxy has taken what it was sent (of a pod: runs it), else 1 */
export async function proxyStatus(pod: string | undefined, options: StatusOptions): Promise<number> {
  const kubeconfig = kubeconfigToUse(options.kubeconfig);
  const proxies = (await askControlPlanes(kubeconfig, options.istioNamespace, '/debug/syncz')).flat() as ProxySync[];
  if (pod === undefined) {
    const shown = proxies.filter(({ proxy }) => options.namespace === undefined || proxy.endsWith(`.${options.namespace}`));
    printAnswer(statusAnswer(shown), options.output);
    return shown.every(({ types }) => types.every(({ state }) => state === 'SYNCED' || state === 'NOT SENT')) ? 0 : 1;
  }
  const target = parseTarget(pod, options.namespace ?? 'default');
  const [first] = await withClient(kubeconfig, (client) => findPods(client, target));
  const { namespace = 'default', name = '' } = first!.metadata;
  const known = proxies.find(({ proxy }) => proxy === `${name}.${namespace}`);
  if (known === undefined)
    throw new Error(`No proxy ${name}.${namespace} is connected to a control plane: "palisade proxy-status" lists those that are`);
  const path = `/debug/config_dump?proxyID=${known.proxy}`;
  const sent = await askControlPlanes(kubeconfig, options.istioNamespace, path);
  const differences = compareDumps(sent[0], await askProxy(kubeconfig, { namespace, name }, '/config_dump?include_eds'));
  printAnswer(differenceAnswer(differences), options.output);
  return differences.every(({ missing, surplus }) => missing.length + surplus.length === 0) ? 0 : 1;
}

export function statusAnswer(proxies: readonly ProxySync[]): Answer {
  const sorted = [...proxies].sort((a, b) => (a.proxy < b.proxy ? -1 : 1));
  const stateOf = ({ types }: ProxySync, typeUrl: string): SyncState => types.find((type) => type.typeUrl === typeUrl)?.state ?? 'NOT SENT';
  const rows = sorted.map((proxy) => [proxy.proxy, ...columns.map(([, typeUrl]) => stateOf(proxy, typeUrl)), proxy.istiod]);
  const complaints = sorted.flatMap(({ proxy, types }) =>
    types.flatMap(({ typeUrl, reason }) => (reason === undefined ? [] : [`${proxy} refused ${shortName(typeUrl)}: ${reason}`])),
  );
  const table = rows.length === 0 ? 'No proxy is connected.' : renderTable(['NAME', ...columns.map(([title]) => title), 'ISTIOD'], rows);
  return { text: [table, ...complaints].join('\n'), data: sorted };
}

const shortName = (typeUrl: string) => columns.find(([, url]) => url === typeUrl)?.[0] ?? typeUrl.split('.').at(-1)!;

interface Difference {
  readonly part: string;
  /** Sent, and the proxy does not have it. */
  readonly missing: readonly string[];
  /** The proxy has it from a control plane, and it was not sent. */
  readonly surplus: readonly string[];
}

/** Names alone: defaults that a proxy fills in would make every message differ. What is in a proxy's bootstrap is left out. */
export function compareDumps(sent: unknown, running: unknown): Difference[] {
  const names = (dump: unknown, part: 'clusters' | 'listeners' | 'routes') =>
    new Set(readPart(withoutStatic(dump), part).map((message) => String(message['name'] ?? '')));
  return (['clusters', 'listeners', 'routes'] as const).map((part) => {
    const [wanted, found] = [names(sent, part), names(running, part)];
    // Routes are asked for by the listeners that need them.
    const missing = part === 'routes' ? [] : [...wanted].filter((name) => !found.has(name));
    return { part, missing, surplus: [...found].filter((name) => !wanted.has(name)) };
  });
}

function withoutStatic(dump: unknown): unknown {
  const configs = ((dump as Message)['configs'] ?? []) as Message[];
  return { configs: configs.map((config) => Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith('static_')))) };
}

function differenceAnswer(differences: readonly Difference[]): Answer {
  const title = (part: string) => `${part[0]!.toUpperCase()}${part.slice(1)}`;
  const lines = differences.flatMap(({ part, missing, surplus }) =>
    missing.length + surplus.length === 0
      ? [`${title(part)} Match`]
      : [`${title(part)} Don't Match`, ...missing.map((name) => `  - ${name}`), ...surplus.map((name) => `  + ${name}`)],
  );
  return { text: lines.join('\n'), data: differences };
}
