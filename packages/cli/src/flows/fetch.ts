import { createInterface } from 'node:readline';
import type { FlowRecord } from '@palisade/flow';
import { createHttpClient, loadKubeconfig } from '@palisade/kubernetes/client';

/** The flows API: an aggregated group of the cluster's own API server (packages/observe). */
const flowsPath = '/apis/observe.palisade.dev/v1alpha1/flows';

export interface FlowQuery {
  verdict?: string;
  from?: string;
  to?: string;
  namespace?: string;
  protocol?: string;
  port?: string;
  since?: Date | string;
  last?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

/** Records as the server sends them, oldest first; with `follow` until the signal or the server ends it. */
export async function* streamFlows(kubeconfig: string, query: FlowQuery): AsyncGenerator<FlowRecord> {
  const client = createHttpClient(loadKubeconfig(kubeconfig));
  try {
    const { signal, ...asked } = query;
    const parameters = Object.entries(asked).filter(([, value]) => value !== undefined && value !== false);
    const text = (value: unknown) => (value instanceof Date ? value.toISOString() : String(value));
    const answer = await client.request({
      path: flowsPath,
      query: Object.fromEntries(parameters.map(([name, value]) => [name, text(value)])),
      ...(signal ? { signal } : {}),
    });
    if (answer.status !== 200) throw new Error(await failure(answer.status, answer.body));
    for await (const line of createInterface({ input: answer.body, crlfDelay: Number.POSITIVE_INFINITY })) {
      const record = JSON.parse(line) as FlowRecord | { lost: number };
      if ('lost' in record) console.error(`palisade: ${record.lost} records were lost: this terminal reads too slowly`);
      else yield record;
    }
  } finally {
    client.close();
  }
}

export async function fetchFlows(kubeconfig: string, query: FlowQuery): Promise<FlowRecord[]> {
  return Array.fromAsync(streamFlows(kubeconfig, query));
}

async function failure(status: number, body: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += String(chunk);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Plain text stands as it is.
  }
  const hint = status === 404 ? ' This cluster has no flows API: was it started by "palisade up"?' : '';
  return `The server answered ${status}: ${message}${hint}`;
}
