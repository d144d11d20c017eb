/** `envoy.service.accesslog.v3.AccessLogService`: reports of the proxy beside this agent become metrics and flow records. */
import type { GrpcMethods } from '@palisade/xds/grpc';
import type { Peer } from '@palisade/xds/peer';
import type { PeerDirectory } from '../peers.ts';
import { flowOf, type OwnPod } from './flow.ts';
import type { FlowLog } from './flow-log.ts';
import type { Side } from './labels.ts';
import type { RequestMetrics } from './metrics.ts';
import { readReports } from './read-entry.ts';
import type { Report } from './report.ts';

export interface ReportReceiverOptions {
  readonly pod: OwnPod;
  readonly peers: PeerDirectory;
  readonly metrics: RequestMetrics;
  readonly addFlow: FlowLog['add'];
}

interface Log {
  readonly side: Side;
  /** Only what the listener turned away. */
  readonly isRefusals: boolean;
}

/** What a log holds, by its name (mesh/src/telemetry). */
const logs: Readonly<Record<string, Log>> = {
  inbound: { side: 'inbound', isRefusals: false },
  outbound: { side: 'outbound', isRefusals: false },
  refused: { side: 'inbound', isRefusals: true },
};

export function createReportMethods({ pod, peers, metrics, addFlow }: ReportReceiverOptions): GrpcMethods {
  const count = (report: Report, { side, isRefusals }: Log) => {
    // Envoy logs every connection there: those that were served come again from what served them.
    if (isRefusals && !wasRefused(report)) return;
    if (!isRefusals) metrics.observe(report, side);
    addFlow(isOrdinary(report), () => flowOf(report, side, pod));
  };
  return {
    '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': () => {
      let log: Log | undefined;
      return {
        message(bytes) {
          const { logName, reports } = readReports(bytes);
          if (logName !== undefined) log = Object.hasOwn(logs, logName) ? logs[logName] : undefined;
          if (log === undefined) return;
          const from = log;
          const callers = from.side === 'inbound' ? reports.filter(({ peer }) => peer !== undefined) : [];
          const take = () => {
            for (const report of callers) report.client = clientOf(report, peers);
            for (const report of reports) count(report, from);
          };
          const learned = peers.learn(callers.map(({ source }) => source.address));
          if (learned === undefined) take();
          else void learned.then(take);
        },
      };
    },
  };
}

/** An address is not proof: the pod that has it counts when it has the identity that the peer proved, too. */
function clientOf({ source, peer }: Report, peers: Pick<PeerDirectory, 'find'>): Peer | undefined {
  const found = peers.find(source.address);
  return found !== undefined && peer?.endsWith(`/ns/${found.namespace}/sa/${found.serviceAccount}`) === true ? found : undefined;
}

const wasRefused = ({ flags, transportFailure }: Report) => flags.includes('NR') || transportFailure !== '';

/** What is denied, failed or would have been has a share of its own. */
function isOrdinary({ status, flags, termination, transportFailure, shadow }: Report): boolean {
  return status < 400 && flags.length === 0 && termination === '' && transportFailure === '' && Object.keys(shadow).length === 0;
}
