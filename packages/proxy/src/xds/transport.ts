/** The management server that a bootstrap names: `dynamic_resources.ads_config` and the static cluster behind it. */
import { connect } from 'node:net';
import type { Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { Bootstrap } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { ApiConfigSource_ApiType as ApiType } from '@palisade/xds/api/envoy/config/core/v3/config_source';
import { readAddress } from '../cluster/endpoints.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';

/** @returns undefined when the bootstrap has static resources only */
export function adsTransport(bootstrap: Bootstrap): Transport | undefined {
  const ads = bootstrap.dynamicResources?.adsConfig;
  if (ads === undefined) return undefined;
  const where = 'bootstrap, dynamic_resources.ads_config';
  if (ads.apiType !== ApiType.DELTA_GRPC) throw unsupported(where, `api_type ${ApiType[ads.apiType]}`);
  const target = ads.grpcServices[0]?.targetSpecifier;
  if (target?.case !== 'envoyGrpc') throw unsupported(where, `gRPC target "${target?.case ?? 'nothing'}"`);
  const { clusterName } = target.value;
  const cluster = bootstrap.staticResources?.clusters.find((one) => one.name === clusterName);
  const host = cluster?.loadAssignment?.endpoints[0]?.lbEndpoints[0]?.hostIdentifier;
  if (cluster === undefined || host?.case !== 'endpoint')
    throw new ProxyError('bad-config', `${where}: cluster "${clusterName}" has no static endpoint`);
  // The agent relays over a Unix socket and speaks TLS to the control plane itself.
  if (cluster.transportSocket !== undefined) throw unsupported(where, 'TLS to the management server');
  const { address, port } = readAddress(host.value.address, where);
  if (port === 0) return createGrpcTransport({ baseUrl: 'http://localhost', nodeOptions: { createConnection: () => connect(address) } });
  return createGrpcTransport({ baseUrl: `http://${address.includes(':') ? `[${address}]` : address}:${port}` });
}
