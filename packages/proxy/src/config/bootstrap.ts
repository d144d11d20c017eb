/** Envoy's bootstrap file (JSON or YAML) with static resources. */
import { readFileSync } from 'node:fs';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { type Bootstrap, BootstrapSchema } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { readAddress } from '../cluster/endpoints.ts';
import type { Update } from '../proxy.ts';
import { ProxyError } from '../proxy-error.ts';
import { registry } from './registry.ts';

/** What reads YAML takes 10 MB: only a file that is named so is read by it, as Envoy goes by the name. */
export async function readBootstrap(file: string): Promise<Bootstrap> {
  const parse: typeof JSON.parse = /\.ya?ml$/.test(file) ? (await import('./yaml.ts')).parse : JSON.parse;
  return parseBootstrap(readFileSync(file, 'utf8'), file, parse);
}

export function parseBootstrap(text: string, file: string, parse: (text: string) => unknown = JSON.parse): Bootstrap {
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
