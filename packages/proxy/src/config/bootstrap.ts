/** Envoy's bootstrap file (JSON or YAML) with static resources. */
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { type Bootstrap, BootstrapSchema } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { parse } from 'yaml';
import { readAddress } from '../cluster/endpoints.ts';
import type { Update } from '../proxy.ts';
import { ProxyError } from '../proxy-error.ts';
import { registry } from './registry.ts';

export function parseBootstrap(text: string, file: string): Bootstrap {
  try {
    return fromJson(BootstrapSchema, parse(text) as JsonValue, { registry });
  } catch (cause) {
    throw new ProxyError('bad-config', `Cannot read the bootstrap ${file}: ${(cause as Error).message}`, { cause });
  }
}

export function staticResources(bootstrap: Bootstrap): Update {
  const resources = bootstrap.staticResources;
  return { secrets: resources?.secrets ?? [], clusters: resources?.clusters ?? [], listeners: resources?.listeners ?? [] };
}

export function adminAddress(bootstrap: Bootstrap): { address: string; port: number } | undefined {
  return bootstrap.admin?.address === undefined ? undefined : readAddress(bootstrap.admin.address, 'admin');
}
