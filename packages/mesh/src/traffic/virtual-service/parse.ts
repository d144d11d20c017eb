/** VirtualService (networking.istio.io/v1) into its checked form. What is not served is refused by name: ignoring it could open a door. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { notYet, readFields, readList, readString, refuse } from '../../resources/read.ts';
import { qualifyHost } from '../destination-rule.ts';
import type { TcpRoute, VirtualService } from './model.ts';
import { checkWeights, type Place, readDestination, readWeight } from './parse-destination.ts';
import { readHttpRoute } from './parse-http.ts';
import { readTcpMatch } from './parse-match.ts';
import { checkAuthority, qualifyGateways, readExportTo } from './parse-names.ts';
import { hostCovers } from './select.ts';

/** Refuses the whole object with MeshError when anything in it does not fit or is not served yet. */
export function parseVirtualService(object: KubernetesObject, clusterDomain: string): VirtualService {
  const { name = '', namespace = 'default', creationTimestamp } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['hosts', 'gateways', 'http', 'tcp', 'exportTo'], notYet('tls')) ?? {};
  const place = { namespace, clusterDomain };
  const gateways = qualifyGateways(readList(spec['gateways'], 'spec.gateways'), 'spec.gateways', namespace);
  const isForMesh = gateways.length === 0 || gateways.includes('mesh');
  const hosts = (readList(spec['hosts'], 'spec.hosts') ?? []).map((item, index) => {
    const host = qualifyHost(checkAuthority(readString(item, `spec.hosts[${index}]`), `spec.hosts[${index}]`), namespace, clusterDomain);
    if (host === '*' && isForMesh) refuse(`spec.hosts[${index}]`, '"*" is only for gateways: inside the mesh it would take every host');
    return host;
  });
  if (hosts.length === 0) refuse('spec.hosts', 'missing: expected at least one');
  const http = (readList(spec['http'], 'spec.http') ?? []).map((item, index) => readHttpRoute(item, `spec.http[${index}]`, place));
  const tcp = (readList(spec['tcp'], 'spec.tcp') ?? []).map((item, index) => readTcpRoute(item, `spec.tcp[${index}]`, place));
  if (http.length + tcp.length === 0) refuse('spec', 'it needs http or tcp routes');
  const doubled = hosts.find((host, index) => hosts.some((other, place) => place !== index && hostCovers(other, host)));
  if (doubled !== undefined) refuse('spec.hosts', `"${doubled}" stands there twice, or a wildcard beside it covers it`);
  return {
    namespace,
    name,
    createdSeconds: creationTimestamp ? Date.parse(creationTimestamp) / 1000 : 0,
    hosts,
    gateways: gateways.length === 0 ? ['mesh'] : gateways,
    isPrivate: readExportTo(spec['exportTo'], 'spec.exportTo'),
    http,
    tcp,
  };
}

function readTcpRoute(value: unknown, field: string, place: Place): TcpRoute {
  const route = readFields(value, field, ['match', 'route']) ?? refuse(field, 'missing');
  const matches = (readList(route['match'], `${field}.match`) ?? []).map((item, index) =>
    readTcpMatch(item, `${field}.match[${index}]`, place.namespace),
  );
  const destinations = (readList(route['route'], `${field}.route`) ?? []).map((item, index) => {
    const where = `${field}.route[${index}]`;
    const fields = readFields(item, where, ['destination', 'weight']) ?? refuse(where, 'missing');
    return {
      destination: readDestination(fields['destination'], `${where}.destination`, place),
      weight: readWeight(fields['weight'], where),
    };
  });
  return { matches, destinations: checkWeights(destinations, `${field}.route`) };
}
