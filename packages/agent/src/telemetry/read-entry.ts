/**
 * `envoy.service.accesslog.v3.StreamAccessLogsMessage`, field by field: of some eighty fields an entry may have, those that are used are
 * read and the rest is stepped over.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { RequestMethod } from '@palisade/xds/api/envoy/config/core/v3/base';
import { readFlags } from './read-flags.ts';
import { emptyReport, type Place, type Report } from './report.ts';

export interface ReportMessage {
  /** On the first message of a stream. */
  readonly logName: string | undefined;
  readonly reports: readonly Report[];
}

type Fields = Readonly<Record<number, (reader: BinaryReader) => void>>;

/** @throws on bytes that are no such message */
export function readReports(message: Uint8Array): ReportMessage {
  let logName: string | undefined;
  const reports: Report[] = [];
  const entries = (kind: Report['kind']) =>
    inner({ 1: (reader) => void reports.push(kind === 'http' ? readHttp(reader) : readTcp(reader)) });
  read(new BinaryReader(message), undefined, {
    1: inner({
      2: (reader) => {
        logName = reader.string();
      },
    }),
    2: entries('http'),
    3: entries('tcp'),
  });
  return { logName, reports };
}

/** @param length undefined: to the end */
function read(reader: BinaryReader, length: number | undefined, fields: Fields): void {
  const end = length === undefined ? reader.len : reader.pos + length;
  if (end > reader.len) throw new RangeError('a field runs past the end of its message');
  while (reader.pos < end) {
    const [number, type] = reader.tag();
    const take = fields[number];
    if (take === undefined) reader.skip(type, number);
    else take(reader);
  }
}

const inner = (fields: Fields) => (reader: BinaryReader) => read(reader, reader.uint32(), fields);

function readHttp(reader: BinaryReader): Report {
  const report = emptyReport('http');
  read(reader, reader.uint32(), {
    1: (r) => readCommon(r, report),
    2: (r) => {
      report.protocol = versions[r.int32()] ?? '';
    },
    3: inner({
      1: (r) => {
        report.method = RequestMethod[r.int32()] ?? '';
      },
      3: (r) => {
        report.authority = r.string();
      },
      5: (r) => {
        report.path = r.string();
      },
      9: (r) => {
        report.requestId = r.string();
      },
      10: (r) => {
        report.path = r.string() || report.path;
      },
      12: (r) => {
        report.receivedBytes = Number(r.uint64());
      },
    }),
    4: inner({
      1: inner({
        1: (r) => {
          report.status = r.uint32();
        },
      }),
      3: (r) => {
        report.sentBytes = Number(r.uint64());
      },
      6: (r) => {
        report.details = r.string();
      },
    }),
  });
  return report;
}

function readTcp(reader: BinaryReader): Report {
  const report = emptyReport('tcp');
  read(reader, reader.uint32(), {
    1: (r) => readCommon(r, report),
    2: inner({
      1: (r) => {
        report.receivedBytes = Number(r.uint64());
      },
      2: (r) => {
        report.sentBytes = Number(r.uint64());
      },
    }),
  });
  return report;
}

/** `HTTPAccessLogEntry.HTTPVersion` */
const versions = ['', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/2', 'HTTP/3'];

function readCommon(reader: BinaryReader, report: Report): void {
  const flags: string[] = [];
  const tags: Record<string, string> = {};
  read(reader, reader.uint32(), {
    2: (r) => {
      report.source = readAddress(r) ?? report.source;
    },
    3: (r) => {
      report.destination = readAddress(r) ?? report.destination;
    },
    4: (r) => {
      report.isTls = true;
      read(r, r.uint32(), {
        4: (names) => {
          report.local = readFirstUri(names);
        },
        5: (names) => {
          report.peer = readFirstUri(names);
        },
      });
    },
    5: (r) => {
      report.timeMs = readTime(r);
    },
    13: (r) => {
      report.upstream = readAddress(r);
    },
    15: (r) => {
      report.cluster = r.string();
    },
    16: (r) => readFlags(r, flags),
    17: (r) => {
      report.shadow = { ...report.shadow, ...readShadow(r) };
    },
    18: (r) => {
      report.upstreamFailure = r.string();
    },
    // The address behind which the client really is comes last: it is what policies on source addresses saw.
    20: (r) => {
      report.source = readAddress(r) ?? report.source;
    },
    22: (r) => {
      const [key, value] = readPair(r);
      tags[key] = value;
    },
    23: (r) => {
      report.durationMs = readTime(r);
    },
    25: (r) => {
      report.termination = r.string();
    },
    28: (r) => {
      report.transportFailure = r.string();
    },
  });
  report.flags = flags;
  report.tags = tags;
}

/** `Duration` and `Timestamp` alike, in milliseconds. */
function readTime(reader: BinaryReader): number {
  let ms = 0;
  read(reader, reader.uint32(), {
    1: (r) => {
      ms += Number(r.int64()) * 1000;
    },
    2: (r) => {
      ms += r.int32() / 1e6;
    },
  });
  return ms;
}

function readAddress(reader: BinaryReader): Place | undefined {
  let place: Place | undefined;
  read(reader, reader.uint32(), {
    1: (r) => {
      let address = '';
      let port = 0;
      read(r, r.uint32(), {
        2: (one) => {
          address = one.string();
        },
        3: (one) => {
          port = one.uint32();
        },
      });
      place = { address, port };
    },
  });
  return place;
}

function readFirstUri(reader: BinaryReader): string | undefined {
  let uri: string | undefined;
  read(reader, reader.uint32(), {
    1: inner({
      1: (r) => {
        const name = r.string();
        uri ??= name;
      },
    }),
  });
  return uri;
}

function readPair(reader: BinaryReader): [string, string] {
  let key = '';
  let value = '';
  read(reader, reader.uint32(), {
    1: (r) => {
      key = r.string();
    },
    2: (r) => {
      value = r.string();
    },
  });
  return [key, value];
}

const rbac = 'envoy.filters.http.rbac';

/** `Metadata`: of the RBAC filter's struct, what is text. */
function readShadow(reader: BinaryReader): Record<string, string> {
  const found: Record<string, string> = {};
  read(reader, reader.uint32(), {
    1: (entry) => {
      let filter = '';
      read(entry, entry.uint32(), {
        1: (r) => {
          filter = r.string();
        },
        2: (r) => {
          const fields = readStruct(r);
          if (filter === rbac) Object.assign(found, fields);
        },
      });
    },
  });
  return found;
}

function readStruct(reader: BinaryReader): Record<string, string> {
  const fields: Record<string, string> = {};
  read(reader, reader.uint32(), {
    1: (entry) => {
      let key = '';
      let value: string | undefined;
      read(entry, entry.uint32(), {
        1: (r) => {
          key = r.string();
        },
        2: inner({
          3: (r) => {
            value = r.string();
          },
        }),
      });
      if (value !== undefined) fields[key] = value;
    },
  });
  return fields;
}
