import type { ApiClient } from '@palisade/kubernetes';
import { systemClock } from '@palisade/kubernetes/client';
import type { AggregatedHandler } from '../contract.ts';
import { Resource } from '../controllers/runtime/resources.ts';
import { createMetricsHandler, createSampler, readUsage, type Sampler } from '../metrics/index.ts';
import type { Nodes } from './nodes.ts';

/** metrics.k8s.io: the API server answers for it from the start, figures come once nodes are there to be measured. */
export interface Metrics {
  readonly handler: AggregatedHandler;
  start(client: ApiClient, nodes: Nodes): void;
  close(): void;
}

export function createMetrics(): Metrics {
  let client: ApiClient | undefined;
  let sampler: Sampler | undefined;
  return {
    handler: createMetricsHandler({
      current: () => sampler?.current(),
      async nodes() {
        const { items } = (await client?.list(Resource.nodes)) ?? { items: [] };
        return items.map(({ metadata }) => ({ name: metadata.name ?? '', labels: metadata.labels ?? {} }));
      },
    }),
    start(apiClient, nodes) {
      client = apiClient;
      sampler = createSampler({ clock: systemClock, pods: nodes.running, read: readUsage });
    },
    close: () => sampler?.close(),
  };
}
