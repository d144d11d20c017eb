/** `envoy.service.accesslog.v3.AccessLogService`: reports of the proxy beside this agent become metrics and flow records. */
import type { FlowRecord } from '@palisade/flow';
import type { GrpcMethods } from '@palisade/xds/grpc';
import { flowOf, type OwnPod } from './flow.ts';
import type { Side } from './labels.ts';
import type { RequestMetrics } from './metrics.ts';
import { readReports } from './read-entry.ts';

export interface ReportReceiverOptions {
  readonly pod: OwnPod;
  readonly metrics: RequestMetrics;
  readonly addFlow: (flow: FlowRecord) => void;
}

/** The log's name says whose side it is (mesh/src/telemetry). */
const sides: readonly Side[] = ['inbound', 'outbound'];

export function createReportMethods({ pod, metrics, addFlow }: ReportReceiverOptions): GrpcMethods {
  return {
    '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': () => {
      let side: Side | undefined;
      return {
        message(bytes) {
          const { logName, reports } = readReports(bytes);
          if (logName !== undefined) side = sides.find((name) => name === logName);
          if (side === undefined) return;
          for (const report of reports) {
            metrics.observe(report, side);
            addFlow(flowOf(report, side, pod));
          }
        },
      };
    },
  };
}
