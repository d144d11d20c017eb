/** Names in traffic resources: gateways, ports, where a resource is exported to. */
import { readString, readStrings, refuse } from '../../resources/read.ts';

/** `mesh` stays; a bare name stands for a Gateway of the resource's own namespace. */
export function qualifyGateways(list: readonly unknown[] | undefined, field: string, namespace: string): string[] {
  return (list ?? []).map((item, index) => {
    const name = readString(item, `${field}[${index}]`);
    if (!/^(?:[a-z0-9-]{1,63}\/)?[a-z0-9.-]{1,253}$/.test(name))
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
  return places.length > 0 && !places.includes('*');
}

/** Lower case; `*`, `*.example.com` or a name. */
export function checkHost(host: string, field: string): string {
  if (!/^(?:\*|(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)$/.test(host))
    refuse(field, `"${host}" is no host: expected a name, "*" or "*." before a name`);
  return host.toLowerCase();
}
