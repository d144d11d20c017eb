/** What the proxy beside this agent does, as metrics on 15020 and flow records. */
import { createWriteStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FlowRecord } from '@palisade/flow';
import type { GrpcMethods } from '@palisade/xds/grpc';
import type { PeerDirectory } from '../peers.ts';
import type { OwnPod } from './flow.ts';
import { createFlowLog, type FlowLog } from './flow-log.ts';
import { createRequestMetrics } from './metrics.ts';
import { createReportMethods } from './receiver.ts';
import { createScrape } from './scrape.ts';
import { unknown, type WorkloadName } from './workload.ts';

export interface TelemetryOptions {
  readonly pod: OwnPod;
  /** The pod's own; absent or empty is unknown. */
  readonly workload: Partial<Record<'name' | 'namespace' | 'service' | 'revision', string | undefined>>;
  /** Who calls this pod. */
  readonly peers: PeerDirectory;
  /** Where flow records go; undefined: nowhere. */
  readonly flowLogPath: string | undefined;
  readonly adminPort: number;
  readonly now: () => number;
}

export interface Telemetry {
  /** For the agent's socket. */
  readonly methods: GrpcMethods;
  /** `/stats/prometheus` of port 15020. */
  readonly scrape: (request: IncomingMessage, response: ServerResponse) => void;
  /** What the agent itself has seen. */
  readonly addFlow: (flow: FlowRecord) => void;
}

/** A full disk costs records: it must not end the agent, and with it the proxy. */
function openLog(path: string) {
  return createWriteStream(path, { flags: 'a' }).on('error', (error) => console.error(`flow records are lost: ${error.message}`));
}

export function createTelemetry({ pod, workload, peers, flowLogPath, adminPort, now }: TelemetryOptions): Telemetry {
  const own: WorkloadName = {
    workload: workload.name || unknown,
    namespace: workload.namespace || unknown,
    service: workload.service || workload.name || unknown,
    revision: workload.revision || unknown,
    cluster: 'Kubernetes',
  };
  const metrics = createRequestMetrics(own);
  const flows = flowLogPath === undefined ? undefined : createFlowLog(openLog(flowLogPath), now);
  const addFlow: FlowLog['add'] = (isOrdinary, make) => flows?.add(isOrdinary, make);
  const skipped = () =>
    flows === undefined
      ? ''
      : `# HELP palisade_flow_records_skipped_total Flow records left out: too many a second.\n# TYPE palisade_flow_records_skipped_total counter\npalisade_flow_records_skipped_total ${flows.skipped}\n`;
  return {
    methods: createReportMethods({ pod, peers, metrics, addFlow }),
    scrape: createScrape({ render: () => metrics.render() + skipped(), adminPort }),
    addFlow: (flow) => addFlow(false, () => flow),
  };
}
