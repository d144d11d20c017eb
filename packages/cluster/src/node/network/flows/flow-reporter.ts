import { type FlowRecord, parsePacket, Verdict } from '@palisade/flow';
import { type CompiledPolicies, flowFromLog, type LogIds } from '@palisade/netpol';
import type { FlowSink } from '../../../contract.ts';
import { LOG_GROUP, SPOOF_LOG_PREFIX } from '../fabric/fabric-plan.ts';
import type { AddressNames } from './address-names.ts';
import { type NflogReader, openNflog } from './nflog.ts';
import type { NflogPacket } from './nflog-message.ts';

/** What is needed to say what a logged packet means, as of now. */
export interface FlowContext {
  readonly nodeName: string;
  readonly compiled: CompiledPolicies;
  readonly logIds: LogIds;
  readonly names: AddressNames;
  /** The pod behind an interface of this node. */
  podOfInterface(index: number): { readonly namespace: string; readonly name: string } | undefined;
}

/** One logged packet as a flow record; `undefined` for a packet that is not ours or cannot be read. */
export function flowOfPacket(logged: NflogPacket, context: FlowContext, nowMs: number): FlowRecord | undefined {
  const parsed = parsePacket(logged.payload);
  if (!parsed.ok) return undefined;
  const { packet } = parsed;
  const { nodeName, names } = context;
  const time = new Date(logged.timestampMs ?? nowMs).toISOString();
  if (logged.prefix === SPOOF_LOG_PREFIX) {
    const sender = logged.inputInterface === undefined ? undefined : context.podOfInterface(logged.inputInterface);
    const port = (value: number | undefined) => (value === undefined ? {} : { port: value });
    return {
      time,
      reporter: `node/${nodeName}`,
      verdict: Verdict.dropped,
      reason: `source address ${packet.source} is not the sender's own`,
      direction: 'egress',
      source: {
        ip: packet.source,
        ...port(packet.sourcePort),
        ...(sender === undefined ? {} : { namespace: sender.namespace, pod: sender.name, node: nodeName }),
      },
      destination: names.complete({ ip: packet.destination, ...port(packet.destinationPort), reserved: 'world' }),
      body: { type: 'l4', protocol: packet.protocol, ...(packet.tcpFlags && { tcpFlags: packet.tcpFlags }) },
    };
  }
  const record = flowFromLog({ prefix: logged.prefix, packet, time, nodeName }, context.compiled, context.logIds);
  return record && { ...record, source: names.complete(record.source), destination: names.complete(record.destination) };
}

export interface FlowReporterOptions {
  netns: string;
  context(): FlowContext;
  sink: FlowSink;
  now(): number;
  log(level: 'warn', message: string): void;
}

/** Reads a node's log group and hands on flow records until closed. */
export function startFlowReporter(options: FlowReporterOptions): NflogReader {
  let reported = 0;
  const reader = openNflog(options.netns, LOG_GROUP, (logged) => {
    const context = options.context();
    const record = flowOfPacket(logged, context, options.now());
    if (record !== undefined) options.sink(record);
    if (reader.lost > reported) {
      options.log('warn', `node ${context.nodeName}: ${reader.lost - reported} logged packets were lost; their flows are missing`);
      reported = reader.lost;
    }
  });
  return reader;
}
