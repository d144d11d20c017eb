export type MeshErrorCode = 'bad-resource' | 'bad-mesh-config';

/** A resource that is refused whole. `field` is the path as Kubernetes writes it: `spec.rules[0].to[1].operation.ports[0]`. */
export class MeshError extends Error {
  readonly code: MeshErrorCode;
  readonly field: string;
  constructor(code: MeshErrorCode, field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'MeshError';
    this.code = code;
    this.field = field;
  }
}
