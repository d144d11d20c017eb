import { isIP } from 'node:net';
import type { Struct } from '../defaults/value.ts';
import { validateIp } from './addresses.ts';
import { validatePortReference } from './container.ts';
import type { Findings } from './findings.ts';
import { validateLabels } from './meta.ts';
import { checkDns1123Label, checkDns1123Subdomain, checkPortNumber, checkQualifiedName } from './names.ts';

/** Services, Endpoints and EndpointSlices. Addresses and node ports are the allocator's business. */

const serviceTypes = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];

/** How the server prints a port in a Duplicate finding: only what makes it the same. */
const printed = (port: Struct): Struct => ({
  Name: '',
  Protocol: port['protocol'] ?? '',
  AppProtocol: null,
  Port: port['port'] ?? 0,
  TargetPort: 0,
  NodePort: 0,
});

function validatePort(f: Findings, at: string, port: Struct, needsName: boolean, names: Set<string>): void {
  const name: string = port['name'] ?? '';
  if (name === '') {
    if (needsName) f.required(`${at}.name`);
  } else {
    f.invalidEach(`${at}.name`, name, checkDns1123Label(name));
    if (names.has(name)) f.duplicate(`${at}.name`, name);
    names.add(name);
  }
  f.invalidEach(`${at}.port`, port['port'] ?? 0, checkPortNumber(port['port'] ?? 0));
  f.oneOf(`${at}.protocol`, port['protocol'], protocols);
  validatePortReference(f, `${at}.targetPort`, port['targetPort']);
  if (port['appProtocol']) f.invalidEach(`${at}.appProtocol`, port['appProtocol'], checkQualifiedName(port['appProtocol']));
}

function validatePorts(f: Findings, spec: Struct): void {
  const ports: readonly Struct[] = spec['ports'] ?? [];
  const names = new Set<string>();
  const keys = new Set<string>();
  for (const [i, port] of ports.entries()) validatePort(f, `spec.ports[${i}]`, port, ports.length > 1, names);
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`;
    if (spec['type'] === 'ClusterIP' && port['nodePort']) f.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'");
    const key = `${port['protocol']}/${port['port']}`;
    if (keys.has(key)) f.duplicate(at, printed(port));
    keys.add(key);
  }
}

export function validateService(f: Findings, { spec = {} }: Struct): void {
  const headless = spec.clusterIP === 'None';
  if ((spec.ports ?? []).length === 0 && !headless && spec.type !== 'ExternalName') f.required('spec.ports');
  if (spec.type === 'LoadBalancer' && headless)
    f.invalid('spec.clusterIPs[0]', spec.clusterIP, "may not be set to 'None' for LoadBalancer services");
  if (spec.type === 'NodePort' && headless)
    f.invalid('spec.clusterIPs[0]', spec.clusterIP, "may not be set to 'None' for NodePort services");
  if (spec.type === 'ExternalName') {
    if (spec.clusterIP) f.forbidden('spec.clusterIPs', 'may not be set for ExternalName services');
    if (!spec.externalName) f.required('spec.externalName');
    else f.invalidEach('spec.externalName', spec.externalName, checkDns1123Subdomain(spec.externalName.replace(/\.$/, '')));
  } else if (spec.clusterIP && !headless && isIP(spec.clusterIP) === 0) {
    f.invalid('spec.clusterIPs[0]', spec.clusterIP, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  }
  validatePorts(f, spec);
  validateLabels(f, 'spec.selector', spec.selector);
  f.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const timeout: number | undefined = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (timeout !== undefined && (timeout <= 0 || timeout > 86400))
    f.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', timeout, 'must be greater than 0 and less than 86400');
  for (const [i, ip] of ((spec.externalIPs ?? []) as string[]).entries()) validateIp(f, `spec.externalIPs[${i}]`, ip);
  f.oneOf('spec.type', spec.type, serviceTypes);
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0;
  if (spec.externalTrafficPolicy && !isExternal)
    f.invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services');
  const families: readonly string[] = spec.ipFamilies ?? [];
  for (const [i, family] of families.entries()) {
    if (family !== 'IPv4' && family !== 'IPv6') f.notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']);
    else if (families.indexOf(family) < i) f.duplicate(`spec.ipFamilies[${i}]`, family);
  }
  const policies = ['Cluster', 'Local'];
  for (const name of ['internalTrafficPolicy', 'externalTrafficPolicy']) {
    const policy: string | undefined = spec[name];
    if (policy !== undefined && !policies.includes(policy)) f.notSupported(`spec.${name}`, policy, policies);
  }
}

export function validateServiceUpdate(f: Findings, { spec = {} }: Struct, { spec: before = {} }: Struct): void {
  const changed = before.clusterIP && before.type !== 'ExternalName' && spec.type !== 'ExternalName' && spec.clusterIP !== before.clusterIP;
  if (changed) f.invalid('spec.clusterIPs[0]', spec.clusterIPs ?? [spec.clusterIP ?? ''], 'may not change once set');
}

/** Addresses that lead nowhere but to the node itself are nobody's endpoint. */
function validateReachable(f: Findings, field: string, address: string): void {
  if (/^127\./.test(address) || address === '::1') f.invalid(field, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  else if (/^169\.254\.|^fe80:/i.test(address)) f.invalid(field, address, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
}

export function validateEndpoints(f: Findings, object: Struct): void {
  for (const [i, subset] of ((object['subsets'] ?? []) as Struct[]).entries()) {
    const at = `subsets[${i}]`;
    if ((subset['addresses'] ?? []).length + (subset['notReadyAddresses'] ?? []).length === 0)
      f.required(at, 'must specify `addresses` or `notReadyAddresses`');
    for (const list of ['addresses', 'notReadyAddresses']) {
      for (const [j, address] of ((subset[list] ?? []) as Struct[]).entries()) {
        validateIp(f, `${at}.${list}[${j}].ip`, address['ip'] ?? '');
        validateReachable(f, `${at}.${list}[${j}].ip`, address['ip'] ?? '');
      }
    }
    const ports: readonly Struct[] = subset['ports'] ?? [];
    for (const [j, port] of ports.entries()) {
      if (ports.length > 1 && !port['name']) f.required(`${at}.ports[${j}].name`);
      f.invalidEach(`${at}.ports[${j}].port`, port['port'] ?? 0, checkPortNumber(port['port'] ?? 0));
      f.oneOf(`${at}.ports[${j}].protocol`, port['protocol'], protocols);
    }
  }
}

export function validateEndpointSlice(f: Findings, object: Struct): void {
  const family: string = object['addressType'] ?? '';
  f.oneOf('addressType', family, ['FQDN', 'IPv4', 'IPv6']);
  const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : 0;
  for (const [i, endpoint] of ((object['endpoints'] ?? []) as Struct[]).entries()) {
    const addresses: readonly string[] = endpoint['addresses'] ?? [];
    if (addresses.length === 0) f.required(`endpoints[${i}].addresses`, 'must contain at least 1 address');
    for (const [j, address] of addresses.entries()) {
      if (wanted !== 0 && isIP(address) !== wanted) {
        if (isIP(address) === 0) validateIp(f, `endpoints[${i}].addresses[${j}]`, address);
        else f.invalid(`endpoints[${i}].addresses`, address, `must be an ${family} address`);
      } else validateReachable(f, `endpoints[${i}].addresses[${j}]`, address);
    }
  }
  const names = new Set<string>();
  for (const [i, port] of ((object['ports'] ?? []) as Struct[]).entries()) {
    const name: string = port['name'] ?? '';
    if (name !== '') f.invalidEach(`ports[${i}].name`, name, checkDns1123Label(name));
    if (names.has(name)) f.duplicate(`ports[${i}].name`, name);
    names.add(name);
    if (port['port'] !== undefined) f.invalidEach(`ports[${i}].port`, port['port'], checkPortNumber(port['port']));
    f.oneOf(`ports[${i}].protocol`, port['protocol'], protocols);
  }
}

export function validateEndpointSliceUpdate(f: Findings, object: Struct, old: Struct): void {
  if (object['addressType'] !== old['addressType']) f.invalid('addressType', object['addressType'], 'field is immutable');
}
