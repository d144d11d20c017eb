/** Names in traffic resources: gateways, ports, where a resource is exported to. */
import { isIPv4 } from 'node:net';
import { readString, readStrings, refuse } from '../../resources/read.ts';

/** `mesh` stays; a bare name stands for a Gateway of the resource's own namespace. */
export function qualifyGateways(list: readonly unknown[] | undefined, field: string, namespace: string): string[] {
  return (list ?? []).map((item, index) => {
    const name = readString(item, `${field}[${index}]`);
    const [own, other, ...rest] = name.split('/').reverse() as [string, string?, ...string[]];
    if (!isHost(own) || own.startsWith('*') || (other !== undefined && !isLabel(other)) || rest.length > 0)
      refuse(`${field}[${index}]`, `"${name}": expected mesh, NAME or NAMESPACE/NAME`);
    return name === 'mesh' || name.includes('/') ? name : `${namespace}/${name}`;
  });
}

export function readPort(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  return refuse(field, `found ${JSON.stringify(value)}, expected a port, 1 to 65535`);
}

/** @returns true for `["."]`; every namespace is the default */
export function readExportTo(value: unknown, field: string): boolean {
  const places = readStrings(value, field);
  places.forEach((place, index) => {
    if (place !== '*' && place !== '.')
      refuse(`${field}[${index}]`, `"${place}": names of namespaces are not yet supported, expected "*" or "."`);
  });
  if (places.length > 1) refuse(field, `found ${places.join(' and ')}, expected one`);
  return places[0] === '.';
}

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const labelName = new RegExp(`^${label}$`);
const hostName = new RegExp(`^(?:\\*|(?:\\*\\.)?${label}(?:\\.${label})*)$`);

/** A DNS label (RFC 1123), in either case. */
export function isLabel(text: string): boolean {
  return labelName.test(text);
}

/** `*`, `*.example.com` or a name, which does not end in a number, as an address would. */
function isHost(text: string): boolean {
  return text.length <= 255 && hostName.test(text) && !/\.\d+$/.test(text);
}

/** @returns it in lower case */
export function checkHost(host: string, field: string): string {
  if (!isHost(host)) refuse(field, `"${host}" is no host: expected a name, "*" or "*." before a name`);
  return host.toLowerCase();
}

/** What clients ask for, which may be an address. */
export function checkAuthority(host: string, field: string): string {
  return isIPv4(host) ? host : checkHost(host, field);
}
