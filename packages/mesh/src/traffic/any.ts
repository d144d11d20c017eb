/** Short spellings of the envelopes that Envoy's configuration repeats. */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { ApiVersion, ConfigSourceSchema } from '@palisade/xds/api/envoy/config/core/v3/config_source';

/** The resource comes over the same stream as everything else; a proxy waits for it however long that takes. */
export const overAds = create(ConfigSourceSchema, {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: 'ads', value: {} },
  initialFetchTimeout: { seconds: 0n },
});

export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init) as MessageShape<Desc>);
}

/** An extension by name with its typed configuration, as filters and transport sockets hold it. */
export function extension<Desc extends DescMessage>(name: string, schema: Desc, init: MessageInitShape<Desc>) {
  return { name, configType: { case: 'typedConfig' as const, value: pack(schema, init) } };
}

export function socketAddress(address: string, port: number) {
  return {
    address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: port } } },
  };
}
