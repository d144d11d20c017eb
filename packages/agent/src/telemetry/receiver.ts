/** `envoy.service.accesslog.v3.AccessLogService`: reports of the proxy beside this agent become metrics and flow records. */
import type { FlowRecord } from '@palisade/flow';
import type { GrpcMethods } from '@palisade/xds/grpc';
import { flowOf, type OwnPod } from './flow.ts';
import type { Side } from './labels.ts';
import type { RequestMetrics } from './metrics.ts';
import { readReports } from './read-entry.ts';
import type { Report } from './report.ts';

export interface ReportReceiverOptions {
  readonly pod: OwnPod;
  readonly metrics: RequestMetrics;
  readonly addFlow: (flow: FlowRecord) => void;
}

/** What a log holds, by its name (mesh/src/telemetry): whose side, and whether all of it or only what the listener turned away. */
const logs: Readonly<Record<string, { readonly side: Side; readonly isRefusals: boolean }>> = {
  inbound: { side: 'inbound', isRefusals: false },
  outbound: { side: 'outbound', isRefusals: false },
  refused: { side: 'inbound', isRefusals: true },
};

export function createReportMethods({ pod, metrics, addFlow }: ReportReceiverOptions): GrpcMethods {
  return {
    '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': () => {
      let log: (typeof logs)[string] | undefined;
      return {
        message(bytes) {
          const { logName, reports } = readReports(bytes);
          if (logName !== undefined) log = Object.hasOwn(logs, logName) ? logs[logName] : undefined;
          if (log === undefined) return;
          for (const report of reports) {
            // Envoy logs every connection there: those that were served come again from what served them.
            if (log.isRefusals && !wasRefused(report)) continue;
            if (!log.isRefusals) metrics.observe(report, log.side);
            addFlow(flowOf(report, log.side, pod));
          }
        },
      };
    },
  };
}

const wasRefused = ({ flags, transportFailure }: Report) => flags.includes('NR') || transportFailure !== '';
