/** grpc.health.v1.Health/Check over plain HTTP/2, as the kubelet's `grpc` probe asks it. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { callUnary } from '@palisade/xds/grpc';

const serving = 1;

export async function checkHealth(
  port: number,
  service: string,
  place: { readonly address: string; readonly source: string },
  signal: AbortSignal,
): Promise<boolean> {
  const socket = connect({ host: place.address, port, localAddress: place.source });
  const session = connectHttp2('http://app', { createConnection: () => socket });
  session.on('error', () => {});
  const stop = () => session.destroy(new Error('no answer in time'));
  signal.addEventListener('abort', stop);
  try {
    const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish();
    const answer = new BinaryReader(await callUnary(session, '/grpc.health.v1.Health/Check', {}, request));
    let status = 0;
    while (answer.pos < answer.len) {
      const [field, type] = answer.tag();
      if (field === 1 && type === WireType.Varint) status = answer.int32();
      else answer.skip(type, field);
    }
    return status === serving;
  } finally {
    signal.removeEventListener('abort', stop);
    session.close();
  }
}
