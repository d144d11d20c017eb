/** `envoy.service.accesslog.v3.AccessLogService`: reports of the proxy beside this agent become metrics and flow records. */
import type { GrpcMethods } from '@palisade/xds/grpc';
import { flowOf, type OwnPod } from './flow.ts';
import type { FlowLog } from './flow-log.ts';
import type { Side } from './labels.ts';
import type { RequestMetrics } from './metrics.ts';
import { readReports } from './read-entry.ts';
import type { Report } from './report.ts';

export interface ReportReceiverOptions {
  readonly pod: OwnPod;
  readonly metrics: RequestMetrics;
  readonly addFlow: FlowLog['add'];
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
            const { side } = log;
            addFlow(isOrdinary(report), () => flowOf(report, side, pod));
          }
        },
      };
    },
  };
}

const wasRefused = ({ flags, transportFailure }: Report) => flags.includes('NR') || transportFailure !== '';

/** What is denied, failed or would have been has a share of its own. */
function isOrdinary({ status, flags, termination, transportFailure, shadow }: Report): boolean {
  return status < 400 && flags.length === 0 && termination === '' && transportFailure === '' && Object.keys(shadow).length === 0;
}
