/** An image reference, cut into its parts and with Docker's short forms written out. */
export interface ImageReference {
  /** `docker.io/library/busybox`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * Docker's reference grammar: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
 *
 * @returns undefined when `text` is no reference (kubelet: InvalidImageName)
 */
export function parseReference(text: string): ImageReference | undefined {
  const match = /^([^@\s]+?)(?::([\w][\w.-]{0,127}))?(?:@([a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}))?$/.exec(text);
  const name = match?.[1];
  if (match === null || name === undefined) return undefined;
  const repository = normaliseRepository(name);
  const [, ...path] = repository.split('/');
  if (!path.every((part) => /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/.test(part))) return undefined;
  return { repository, ...(match[2] === undefined ? {} : { tag: match[2] }), ...(match[3] === undefined ? {} : { digest: match[3] }) };
}

/** `busybox` → `docker.io/library/busybox`; names with a registry stay. */
export function normaliseRepository(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const hasRegistry = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  if (hasRegistry && first !== 'docker.io' && first !== 'index.docker.io') return name;
  const path = hasRegistry ? rest : [first, ...rest];
  return path.length === 1 ? `docker.io/library/${path[0]}` : `docker.io/${path.join('/')}`;
}

/** Does a definition's name (see `ImageDefinition.names`) answer for this repository? */
export function matchesRepository(pattern: string, repository: string): boolean {
  const full = normaliseRepository(pattern);
  if (!full.includes('*')) return full === repository;
  const expression = full
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^/]*');
  return new RegExp(`^${expression}$`).test(repository);
}
