/** Why an answer is what it is. */
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** `ResponseFlags`: Envoy's short names by field number. */
const flagNames: Readonly<Record<number, string>> = {
  1: 'LH',
  2: 'UH',
  3: 'UT',
  4: 'LR',
  5: 'UR',
  6: 'UF',
  7: 'UC',
  8: 'UO',
  9: 'NR',
  10: 'DI',
  11: 'FI',
  12: 'RL',
  13: 'UAEX',
  14: 'RLSE',
  15: 'DC',
  16: 'URX',
  17: 'SI',
  18: 'IH',
  19: 'DPE',
  20: 'UMSDR',
  21: 'RFCF',
  22: 'NFCF',
  23: 'DT',
  24: 'UPE',
  25: 'NC',
  26: 'OM',
  27: 'DF',
  28: 'DR',
};

export function readFlags(reader: BinaryReader, flags: string[]): void {
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) {
    const [number, type] = reader.tag();
    const isSet = type === WireType.Varint ? reader.bool() : true;
    if (type !== WireType.Varint) reader.skip(type, number);
    const name = flagNames[number];
    if (isSet && name !== undefined) flags.push(name);
  }
}
