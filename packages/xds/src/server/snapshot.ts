/** What one proxy should have: resources by type and name, each with a version that follows its content. */
import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';

export interface VersionedResource {
  readonly version: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** By type URL, then by name. A type that is absent is not known yet: subscriptions to it wait. */
export type ResourceSnapshot = ReadonlyMap<string, ReadonlyMap<string, VersionedResource>>;

export function versioned<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): VersionedResource {
  const value = toBinary(schema, message);
  return {
    version: createHash('sha256').update(value).digest('hex').slice(0, 16),
    typeUrl: `type.googleapis.com/${schema.typeName}`,
    value,
  };
}

export function toAny({ typeUrl, value }: VersionedResource): Pick<Any, 'typeUrl' | 'value'> {
  return { typeUrl, value };
}

/** The version of a whole type, for the state-of-the-world protocol and for people. */
export function versionOf(resources: ReadonlyMap<string, VersionedResource>): string {
  const hash = createHash('sha256');
  for (const [name, { version }] of [...resources].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name}\0${version}\0`);
  return hash.digest('hex').slice(0, 16);
}
