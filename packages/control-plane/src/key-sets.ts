/** Key sets by URL, for as long as a resource names them: fetched here, never by a proxy. */
import { createJwksSource, jwksNetwork } from '@palisade/identity';
import type { FindJwks, JwtRule } from '@palisade/mesh';
import type { MeshSnapshot } from '@palisade/mesh/traffic';

export interface KeySets {
  readonly find: FindJwks;
  /** Fetches what the snapshot wants and is due. @returns whether any key set changed */
  refresh(snapshot: Pick<MeshSnapshot, 'requestAuthentications' | 'legacy'>): Promise<boolean>;
}

export interface KeySetOptions {
  now(): Date;
  /** Inner networks (CIDR) that may be asked. */
  allowed(): readonly string[];
  log(message: string): void;
}

export function createKeySets({ now, allowed, log }: KeySetOptions): KeySets {
  const source = createJwksSource({ now, ...jwksNetwork() }, allowed);
  const told = new Map<string, string>();
  return {
    find: (uri) => source.find(uri),
    async refresh(snapshot) {
      const isChanged = await source.refresh(wantedUris(snapshot));
      for (const [uri, problem] of source.problems()) {
        if (told.get(uri) !== problem)
          log(`key set ${uri}: ${problem}; ${source.find(uri) === undefined ? 'its issuer’s tokens are refused' : 'the last one stays'}`);
        told.set(uri, problem);
      }
      for (const uri of told.keys()) if (!source.problems().has(uri)) told.delete(uri);
      return isChanged;
    },
  };
}

function wantedUris({ requestAuthentications, legacy }: Pick<MeshSnapshot, 'requestAuthentications' | 'legacy'>): string[] {
  const rules: JwtRule[] = [...requestAuthentications, ...legacy.authentication.map(({ tokens }) => tokens)].flatMap((each) => each.rules);
  return rules.flatMap(({ jwks, jwksUri }) => (jwks === undefined && jwksUri !== undefined ? [jwksUri] : []));
}
