/** The rules of `redirect` interception, for the pod's own network namespace (nftables; both families). */

export interface Exclusions {
  readonly inboundPorts: readonly number[];
  readonly outboundPorts: readonly number[];
  readonly outboundRanges: readonly string[];
}

/** User and group of the proxy, whose own connections pass. */
const proxyUser = 1337;
/** HBONE, metrics, readiness, the proxy's own metrics. */
const fixedInbound = [15_008, 15_020, 15_021, 15_090];

export function renderInterception({ inboundPorts, outboundPorts, outboundRanges }: Exclusions): string {
  const list = (ports: readonly number[]) => `{ ${ports.join(', ')} }`;
  const ranges = outboundRanges.map((range) => `    ${range.includes(':') ? 'ip6' : 'ip'} daddr ${range} return`);
  return `table inet istio {
  chain output {
    type nat hook output priority -100;
    meta l4proto != tcp return
    oifname "lo" ip saddr 127.0.0.6 return
    oifname "lo" ip6 saddr ::6 return
    meta skuid ${proxyUser} oifname "lo" ip daddr != 127.0.0.1 meta l4proto tcp redirect to :15006
    meta skuid ${proxyUser} oifname "lo" ip6 daddr != ::1 meta l4proto tcp redirect to :15006
    oifname "lo" return
    meta skuid ${proxyUser} return
    meta skgid ${proxyUser} return
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
${outboundPorts.length === 0 ? '' : `    tcp dport ${list(outboundPorts)} return\n`}${ranges.length === 0 ? '' : `${ranges.join('\n')}\n`}    meta l4proto tcp redirect to :15001
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    tcp dport ${list([...fixedInbound, ...inboundPorts])} return
    meta l4proto tcp redirect to :15006
  }
}
`;
}

/** @throws Error naming the variable; nothing is excluded by mistake */
export function readExclusions(env: Readonly<Record<string, string | undefined>>): Exclusions {
  const words = (name: string) =>
    (env[name] ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
  const ports = (name: string) =>
    words(name).map((word) => {
      if (!/^[1-9]\d{0,4}$/.test(word) || Number(word) > 65_535) throw new Error(`${name}: found "${word}", expected a port, 1 to 65535`);
      return Number(word);
    });
  const outboundRanges = words('EXCLUDE_OUTBOUND_IP_RANGES');
  const wrong = outboundRanges.find((range) => !/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(range));
  if (wrong !== undefined) throw new Error(`EXCLUDE_OUTBOUND_IP_RANGES: found "${wrong}", expected a range such as 10.0.0.0/8`);
  return { inboundPorts: ports('EXCLUDE_INBOUND_PORTS'), outboundPorts: ports('EXCLUDE_OUTBOUND_PORTS'), outboundRanges };
}
