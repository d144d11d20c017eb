/** The rules of `redirect` interception, for the pod's own network namespace (nftables; both families). */
import { isIP } from 'node:net';

/** Which traffic is led through the proxy: Istio's `traffic.sidecar.istio.io` annotations. */
export interface Capture {
  /** `*` = every port that is not excluded. */
  readonly inboundPorts: '*' | readonly number[];
  readonly excludedInboundPorts: readonly number[];
  /** Redirected wherever they go, even outside the ranges. `*` = all. */
  readonly outboundPorts: '*' | readonly number[];
  readonly excludedOutboundPorts: readonly number[];
  readonly outboundRanges: '*' | readonly string[];
  readonly excludedOutboundRanges: readonly string[];
  /** Their traffic is left alone in both directions. */
  readonly excludedInterfaces: readonly string[];
}

/** User and group of the proxy, whose own connections pass. */
const proxyUser = 1337;
/** HBONE, metrics, readiness, the proxy's own metrics. */
const fixedInbound = [15_008, 15_020, 15_021, 15_090];

export function renderInterception(capture: Capture): string {
  const { inboundPorts, outboundPorts, outboundRanges, excludedInterfaces } = capture;
  const inbound = [
    ...excludedInterfaces.map((name) => `iifname "${name}" return`),
    `tcp dport ${list([...fixedInbound, ...(inboundPorts === '*' ? capture.excludedInboundPorts : [])])} return`,
    ...redirect(inboundPorts, 15_006),
  ];
  const outbound = [
    'meta l4proto != tcp return',
    ...excludedInterfaces.map((name) => `oifname "${name}" return`),
    'oifname "lo" ip saddr 127.0.0.6 return',
    'oifname "lo" ip6 saddr ::6 return',
    `meta skuid ${proxyUser} oifname "lo" ip daddr != 127.0.0.1 meta l4proto tcp redirect to :15006`,
    `meta skuid ${proxyUser} oifname "lo" ip6 daddr != ::1 meta l4proto tcp redirect to :15006`,
    'oifname "lo" return',
    `meta skuid ${proxyUser} return`,
    `meta skgid ${proxyUser} return`,
    'ip daddr 127.0.0.0/8 return',
    'ip6 daddr ::1 return',
    ...(capture.excludedOutboundPorts.length === 0 ? [] : [`tcp dport ${list(capture.excludedOutboundPorts)} return`]),
    ...capture.excludedOutboundRanges.map((range) => `${towards(range)} return`),
    ...redirect(outboundPorts, 15_001),
    ...(outboundRanges === '*'
      ? ['meta l4proto tcp redirect to :15001']
      : outboundRanges.map((range) => `${towards(range)} meta l4proto tcp redirect to :15001`)),
  ];
  return `table inet istio {
  chain output {
    type nat hook output priority -100;
    ${outbound.join('\n    ')}
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    ${inbound.join('\n    ')}
  }
}
`;
}

function redirect(ports: '*' | readonly number[], to: number): string[] {
  if (ports === '*') return [`meta l4proto tcp redirect to :${to}`];
  return ports.length === 0 ? [] : [`tcp dport ${list(ports)} redirect to :${to}`];
}

function list(ports: readonly number[]): string {
  return `{ ${ports.join(', ')} }`;
}

function towards(range: string): string {
  return `${range.includes(':') ? 'ip6' : 'ip'} daddr ${range}`;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** @throws Error naming the variable; nothing is excluded by mistake */
export function readCapture(env: Variables): Capture {
  const ports = (name: string) => words(env, name).map((word) => readPort(word, name));
  const ranges = (name: string) => {
    const found = words(env, name);
    const wrong = found.find((range) => !isRange(range));
    if (wrong !== undefined) throw new Error(`${name}: found "${wrong}", expected a range such as 10.0.0.0/8`);
    return found;
  };
  const orAll = <T>(name: string, unset: '*' | readonly T[], read: (name: string) => readonly T[]) =>
    env[name] === undefined ? unset : env[name].trim() === '*' ? '*' : read(name);
  const excludedInterfaces = words(env, 'EXCLUDE_INTERFACES');
  const strange = excludedInterfaces.find((name) => !/^[A-Za-z0-9._-]{1,15}$/.test(name));
  if (strange !== undefined) throw new Error(`EXCLUDE_INTERFACES: found "${strange}", expected the name of an interface`);
  return {
    inboundPorts: orAll('INCLUDE_INBOUND_PORTS', '*', ports),
    excludedInboundPorts: ports('EXCLUDE_INBOUND_PORTS'),
    outboundPorts: orAll('INCLUDE_OUTBOUND_PORTS', [], ports),
    excludedOutboundPorts: ports('EXCLUDE_OUTBOUND_PORTS'),
    outboundRanges: orAll('INCLUDE_OUTBOUND_IP_RANGES', '*', ranges),
    excludedOutboundRanges: ranges('EXCLUDE_OUTBOUND_IP_RANGES'),
    excludedInterfaces,
  };
}

/** The WAF's rules stand beside the mesh's, which may be there or not. */
export function renderWafInterception(env: Variables): string {
  const number = (name: string) => readPort((env[name] ?? '').trim(), name);
  const [app, waf, user] = [number('WAF_APP_PORT'), number('WAF_PORT'), number('WAF_USER')];
  // Before the mesh's own rules where the connection is made in the pod; after them where it comes in, for what they left alone.
  return `table inet palisade_waf {
  chain output {
    type nat hook output priority -101;
    meta skuid ${user} return
    oifname "lo" tcp dport ${app} redirect to :${waf}
  }
  chain prerouting {
    type nat hook prerouting priority -99;
    tcp dport ${app} redirect to :${waf}
  }
}
`;
}

function words(env: Variables, name: string): string[] {
  return (env[name] ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function isRange(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && !address.includes('%') && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

function readPort(word: string, name: string): number {
  if (!/^[1-9]\d{0,4}$/.test(word) || Number(word) > 65_535) throw new Error(`${name}: found "${word}", expected a port, 1 to 65535`);
  return Number(word);
}
