import { readFileSync } from 'node:fs';
import type { DataSource } from '@palisade/xds/api/envoy/config/core/v3/base';
import { ProxyError } from '../proxy-error.ts';

/** Reads `envoy.config.core.v3.DataSource`; an empty one is refused. */
export function readDataSource(source: DataSource | undefined, where: string): string {
  const specifier = source?.specifier;
  const text = (() => {
    switch (specifier?.case) {
      case 'filename':
        try {
          return readFileSync(specifier.value, 'utf8');
        } catch (cause) {
          throw new ProxyError('bad-file', `${where}: cannot read "${specifier.value}"`, { cause });
        }
      case 'inlineString':
        return specifier.value;
      case 'inlineBytes':
        return Buffer.from(specifier.value).toString('utf8');
      case 'environmentVariable':
        return process.env[specifier.value] ?? '';
      default:
        return '';
    }
  })();
  if (text === '' && specifier?.case === 'filename') throw new ProxyError('bad-file', `${where}: "${specifier.value}" is empty`);
  if (text === '') throw new ProxyError('bad-config', `${where}: the data source is empty`);
  return text;
}
