import { createHash } from 'node:crypto';
import type { ImageDefinition } from './image.ts';
import { matchesRepository, parseReference } from './reference.ts';

export interface FoundImage {
  readonly definition: ImageDefinition;
  /** Written out, with tag or digest: `docker.io/library/busybox:latest`. */
  readonly name: string;
  /** `name@sha256:…` over the definition, so that a changed definition shows as another image. */
  readonly id: string;
}

/** The image cannot be had; `reason` is the container's waiting reason. */
export class ImageNotFoundError extends Error {
  readonly reason: 'ErrImagePull' | 'InvalidImageName';
  constructor(reason: 'ErrImagePull' | 'InvalidImageName', message: string) {
    super(message);
    this.name = 'ImageNotFoundError';
    this.reason = reason;
  }
}

/** Where a node looks for images. `find` reads the users' folders anew, so that adding a file is enough. */
export interface ImageRegistry {
  /** @throws ImageNotFoundError saying how to add the image */
  find(image: string): Promise<FoundImage>;
}

export interface ImageRegistryOptions {
  readonly builtin: readonly ImageDefinition[];
  /** Folders of YAML files (`user-image.ts`); a later folder wins, all win over the built-in ones. */
  readonly folders: readonly string[];
  /** Reads one folder; a folder that does not exist is empty. A file that cannot be read is an error naming it. */
  readFolder(folder: string): Promise<readonly ImageDefinition[]>;
}

export function createImageRegistry(options: ImageRegistryOptions): ImageRegistry {
  return {
    async find(image) {
      const reference = parseReference(image);
      if (reference === undefined)
        throw new ImageNotFoundError(
          'InvalidImageName',
          `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
        );
      const user = await Promise.all([...options.folders].reverse().map((folder) => options.readFolder(folder)));
      const definition = [...user.flat(), ...options.builtin].find(({ names }) =>
        names.some((name) => matchesRepository(name, reference.repository)),
      );
      if (definition === undefined) throw new ImageNotFoundError('ErrImagePull', howToAdd(image, options.folders.at(-1)));
      const suffix = reference.digest === undefined ? `:${reference.tag ?? 'latest'}` : `@${reference.digest}`;
      const name = `${reference.repository}${suffix}`;
      return { definition, name, id: `${reference.repository}@sha256:${digestOf(definition)}` };
    },
  };
}

function howToAdd(image: string, folder: string | undefined): string {
  const short = parseReference(image)?.repository.replace(/^docker\.io\/(library\/)?/, '') ?? image;
  const file = `${folder ?? '~/.config/palisade/images'}/${short.split('/').at(-1)}.yaml`;
  const example = `names: [${short}]\ncommand: [/usr/bin/python3, -m, http.server, "8080"]\nenv: {GREETING: hello}`;
  return `image "${image}" is not known on this machine and nothing is pulled from a registry. Say which local command stands for it in ${file}, for example:\n${example}`;
}

function digestOf(definition: ImageDefinition): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex');
}
