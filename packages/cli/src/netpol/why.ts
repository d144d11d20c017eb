import { readFileSync } from 'node:fs';
import { type FlowRecord, formatFlow } from '@palisade/flow';
import { explainPacket, formatExplanation, type PacketEnd } from '@palisade/netpol';
import { streamFlows } from '../flows/fetch.ts';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { type PolicySource, type SourceOptions, sourceOfCluster } from './source.ts';

interface WhyOptions extends SourceOptions {
  readonly from?: string;
  readonly to?: string;
  readonly verdict: string;
}

/** The flow asked about: JSON as an argument, `-` for one on standard input, nothing for the newest of the cluster. */
async function findFlow(text: string | undefined, options: WhyOptions): Promise<FlowRecord> {
  if (text !== undefined) {
    const json = text === '-' ? readFileSync(0, 'utf8').trim().split('\n').at(-1)! : text;
    try {
      return JSON.parse(json) as FlowRecord;
    } catch (error) {
      throw new Error(`Cannot read the flow: ${(error as Error).message}; expected one line of "palisade flows -o json"`);
    }
  }
  const { from, to, verdict } = options;
  const query = { verdict, protocol: 'l4', last: 1, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  const [flow] = await Array.fromAsync(streamFlows(kubeconfigToUse(options.kubeconfig), query));
  if (!flow) throw new Error(`No flow with verdict ${verdict} between the ends asked about is recorded; "palisade flows" shows what is`);
  return flow;
}

function endOf(source: PolicySource, { pod, namespace, ip }: FlowRecord['source']): PacketEnd {
  const name = `${namespace ?? 'default'}/${pod}`;
  if (pod !== undefined && source.compiled.podByName.has(name)) return { pod: name };
  if (ip === undefined) throw new Error(`Cannot explain the flow: pod ${name} is gone and the record has no address of it`);
  return { ip };
}

/** What decided a flow, as text: the record, the verdict of today at each end, and the deciding lines of YAML. */
export function explainFlow(source: PolicySource, flow: FlowRecord): string {
  if (flow.body.type !== 'l4') throw new Error(`Cannot explain a record of type "${flow.body.type}": policies decide on packets (l4)`);
  const explanation = explainPacket(source.compiled, {
    src: endOf(source, flow.source),
    dst: endOf(source, flow.destination),
    protocol: flow.body.protocol,
    ...(flow.destination.port !== undefined && { port: flow.destination.port }),
  });
  const lines = [formatFlow(flow), formatExplanation(explanation, source.lineOf).trimEnd()];
  if (explanation.verdict.allowed !== (flow.verdict !== 'DROPPED'))
    lines.push('The policies or pods have changed since: today the verdict is another one.');
  for (const { decidedAt } of [explanation.egress, explanation.ingress]) {
    const line = decidedAt && source.lineOf(decidedAt.policy, decidedAt.path);
    if (line !== undefined) lines.push(`${line}\n${source.excerptOf(line)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `palisade netpol why [FLOW]`. @returns 0 when it could be explained */
export async function why(text: string | undefined, options: WhyOptions): Promise<number> {
  const flow = await findFlow(text, options);
  process.stdout.write(explainFlow(await sourceOfCluster(options.kubeconfig, options.filename), flow));
  return 0;
}
