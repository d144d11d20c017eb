import { PolicyError } from '../errors.ts';
import { type PortMatch, type PortProtocol, portProtocols } from '../model.ts';
import { type Located, readInteger, readObject, readOneOf, refuse } from './reader.ts';

export const maxPort = 65_535;

/** IANA service name, as container port names must be (RFC 6335 §5.1). */
function isPortName(text: string): boolean {
  return /^(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?$/.test(text) && !text.includes('--');
}

export function readPortName(at: Located): string {
  if (typeof at.value !== 'string' || !isPortName(at.value)) throw refuse(at.path, at.value, 'a port number or a port name');
  return at.value;
}

/** `NetworkPolicyPort`: protocol defaults to TCP; without `port` the entry covers every port of the protocol. */
export function parsePolicyPort(at: Located): PortMatch {
  const fields = readObject(at, ['protocol', 'port', 'endPort']);
  const protocol: PortProtocol = fields['protocol'] === undefined ? 'TCP' : readOneOf(fields['protocol'], portProtocols);
  const { port, endPort } = fields;
  if (port === undefined) {
    if (endPort !== undefined) throw new PolicyError('required', `${at.path}.port`, 'must be given when endPort is');
    return { protocol, from: 1, to: maxPort };
  }
  if (typeof port.value === 'string') {
    if (endPort !== undefined) throw new PolicyError('forbidden', endPort.path, 'may not be given when port is a name');
    return { protocol, name: readPortName(port) };
  }
  const from = readInteger(port, 1, maxPort);
  return { protocol, from, to: endPort === undefined ? from : readInteger(endPort, from, maxPort) };
}
