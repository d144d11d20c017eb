/**
 * Which connections the inbound listener accepts, as a list of filter chains. The domain half of the compiler: Envoy's matching picks
 * port before transport before ALPN, so a port that has chains of its own never falls through to the others.
 */
import { MtlsMode, portMode } from '../authn/peer-authentication.ts';
import type { InboundInput, PortProtocol } from './input.ts';

export interface ChainPlan {
  readonly name: string;
  /** Absent = any port without chains of its own. */
  readonly port?: number;
  /** `mutual` is ended here; `opaque` is the application's own TLS and passes; `plain` is neither. */
  readonly security: 'mutual' | 'opaque' | 'plain';
  /** Of the client's hello, or as sniffed; empty = any. */
  readonly applicationProtocols: readonly string[];
  readonly codec: 'http' | 'tcp';
}

/** What the mesh's clients offer, so that their TLS can be told from an application's. */
const meshHttp = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const meshTcp = ['istio-peer-exchange', 'istio'];
/** As `http_inspector` names what it sniffed. */
const sniffedHttp = ['http/1.0', 'http/1.1', 'h2c'];

export function planInboundChains({ ports, mtls }: Pick<InboundInput, 'ports' | 'mtls'>): ChainPlan[] {
  const declared = new Map(ports.map(({ port, protocol }) => [port, protocol]));
  const special = [...mtls.ports.keys()].filter((port) => !declared.has(port) && portMode(mtls, port) !== mtls.mode);
  const numbers = [...new Set([...declared.keys(), ...special])].sort((a, b) => a - b);
  return [
    ...numbers.flatMap((port) => chainsOf(portMode(mtls, port), declared.get(port) ?? 'auto', `0.0.0.0_${port}`, port)),
    ...chainsOf(mtls.mode, 'auto', 'virtualInbound', undefined),
  ];
}

type Shape = Pick<ChainPlan, 'security' | 'applicationProtocols' | 'codec'>;

function chainsOf(mode: MtlsMode, protocol: PortProtocol, name: string, port: number | undefined): ChainPlan[] {
  const shapes = [
    ...(mode === MtlsMode.disable ? [] : mutual(mode, protocol)),
    ...(mode === MtlsMode.strict ? [] : unauthenticated(mode, protocol)),
  ];
  return shapes.map((shape) => ({ name: chainName(name, shape), ...(port === undefined ? {} : { port }), ...shape }));
}

/** STRICT takes every TLS for the mesh's: what cannot show a certificate is refused. PERMISSIVE knows it by its ALPN. */
function mutual(mode: MtlsMode, protocol: PortProtocol): Shape[] {
  const isStrict = mode === MtlsMode.strict;
  const http: Shape = {
    security: 'mutual',
    applicationProtocols: isStrict && protocol === 'http' ? [] : protocol === 'http' ? [...meshTcp, ...meshHttp] : meshHttp,
    codec: 'http',
  };
  const tcp: Shape = {
    security: 'mutual',
    applicationProtocols: isStrict ? [] : protocol === 'tcp' ? [...meshTcp, ...meshHttp] : meshTcp,
    codec: 'tcp',
  };
  return protocol === 'http' ? [http] : protocol === 'tcp' ? [tcp] : [http, tcp];
}

/** Plaintext, and TLS that the application itself ends. */
function unauthenticated(mode: MtlsMode, protocol: PortProtocol): Shape[] {
  const plain = (codec: 'http' | 'tcp', applicationProtocols: readonly string[] = []): Shape => ({
    security: 'plain',
    applicationProtocols,
    codec,
  });
  const opaque: Shape[] = [{ security: 'opaque', applicationProtocols: [], codec: 'tcp' }];
  if (protocol === 'tcp') return [plain('tcp'), ...opaque];
  if (protocol === 'http') return mode === MtlsMode.disable ? [plain('http')] : [plain('http'), ...opaque];
  return [plain('http', sniffedHttp), plain('tcp'), ...opaque];
}

function chainName(name: string, { security, codec }: Shape): string {
  return `${name}-${security}-${codec}`;
}
