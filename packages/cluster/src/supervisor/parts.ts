import { fileURLToPath } from 'node:url';
import type { Endpoint, FlowRecord } from '@palisade/flow';
import type { ApiClient } from '@palisade/kubernetes';
import type { ApiServer } from '../apiserver/index.ts';
import type { Fabric } from '../node/network/index.ts';
import type { Informers } from './informers.ts';
import type { SupervisorConfig } from './state.ts';

export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;

export const clusterDomain = 'cluster.local';
export const repositoryRoot = fileURLToPath(new URL('../../../..', import.meta.url));

/** What the parts of the embedded cluster share. */
export interface Parts {
  readonly config: SupervisorConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly api: ApiServer;
  readonly client: ApiClient;
  readonly fabric: Fabric;
  /** Our programs for containers, bundled. */
  readonly programsRoot: string;
  readonly informers: Informers;
  readonly sink: (record: FlowRecord) => void;
  readonly endpointOf: (ip: string, port: number) => Endpoint;
}
