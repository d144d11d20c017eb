import { flowToJsonLine, formatFlow } from '@palisade/flow';
import { type FlowQuery, streamFlows } from '../flows/fetch.ts';
import { kubeconfigToUse } from '../kubeconfig.ts';

interface FlowOptions extends Omit<FlowQuery, 'last' | 'signal'> {
  last: string;
  output: string;
  kubeconfig?: string;
}

/** `palisade flows`. @returns the exit code */
export async function flows(raw: Record<string, unknown>): Promise<number> {
  const { last, output, kubeconfig, ...query } = raw as unknown as FlowOptions;
  if (!['text', 'json'].includes(output)) throw new Error(`Cannot print as "${output}": expected text or json`);
  if (!/^\d+$/.test(last)) throw new Error(`Cannot use --last "${last}": expected a number`);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.stdout.on('error', () => stop.abort());
  const lines = streamFlows(kubeconfigToUse(kubeconfig), { ...query, last: Number(last), signal: stop.signal });
  try {
    for await (const flow of lines) process.stdout.write(output === 'json' ? flowToJsonLine(flow) : `${formatFlow(flow)}\n`);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return 0;
}
