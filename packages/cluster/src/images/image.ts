import { join } from 'node:path';
import type { Endpoint, FlowRecord } from '@palisade/flow';

/**
 * An image is a name for a command of this machine. A container's root holds the machine's /usr read-only, a synthetic /etc and
 * the usual empty folders (README); an image adds files and read-only binds to that, and says what runs.
 */
export interface ImageDefinition {
  /**
   * Repositories it answers for, without tag or digest: `kellybrazil/microsimserver`, `library/busybox`, `registry.k8s.io/pause`.
   * `docker.io/` and `library/` may be left out. `*` stands for any run of characters but `/`. Any tag or digest matches.
   */
  readonly names: readonly string[];
  /** ENTRYPOINT; a pod's `command` replaces it. The program is looked up on the container's PATH unless it holds a `/`. */
  readonly entrypoint?: readonly string[];
  /** CMD; a pod's `command` drops it, a pod's `args` replace it. */
  readonly args?: readonly string[];
  /** The image's own variables; the pod's win. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 0:0. */
  readonly user?: ImageUser;
  /** Default `/`. */
  readonly workingDir?: string;
  readonly files?: readonly ImageFile[];
  readonly binds?: readonly ImageBind[];
  /** Lines added to the synthetic /etc/passwd and /etc/group, such as `www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin`. */
  readonly passwd?: readonly string[];
  readonly group?: readonly string[];
  /** /bin holds busybox's applets instead of the machine's programs. */
  readonly binFolder?: 'busybox';
  /** What asks the program to end. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** For `kubectl describe` and documentation only. */
  readonly exposedPorts?: readonly number[];
  /** Extra content that depends on the container, such as configuration generated from its variables. Called at each start. */
  prepare?(container: ImageContainer): PreparedImage;
  /** A log file inside the container that the node turns into flow records. */
  readonly flowLog?: ImageFlowLog;
}

export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
}

/** A file of the container. The folder that holds it appears when missing; it is not writable unless `isWritable`. */
export interface ImageFile {
  /** Absolute path inside the container. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Default 0o644. */
  readonly mode?: number;
  /** A private copy that the container may change; root owns it, so give a mode that lets its user write. Default false. */
  readonly isWritable?: boolean;
}

/** A file or folder of this machine shown read-only. */
export interface ImageBind {
  readonly source: string;
  readonly target: string;
}

/** What `prepare` may look at. */
export interface ImageContainer {
  /** As the pod wrote it. */
  readonly image: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly containerName: string;
  /** The pod's; absent means none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The image's variables overlaid by the pod's, after expansion. */
  readonly env: Readonly<Record<string, string>>;
}

/** Added to what the definition says (files, binds, env) or replacing it (entrypoint, args). */
export interface PreparedImage {
  readonly entrypoint?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: readonly ImageFile[];
  readonly binds?: readonly ImageBind[];
}

export interface ImageFlowLog {
  /** Absolute path inside the container of a regular file that the program appends to; it exists, empty and world-writable, before the start. */
  readonly path: string;
  /** One reader a container start; `chunk` is whatever was appended since, cut anywhere. Must not throw. */
  createReader(place: FlowLogPlace): FlowLogReader;
}

export interface FlowLogPlace {
  /** `pod/NAMESPACE/NAME/CONTAINER`. */
  readonly reporter: string;
  /** The pod the container belongs to: ip, namespace, pod, node, labels. */
  readonly endpoint: Endpoint;
}

export interface FlowLogReader {
  read(chunk: string): FlowRecord[];
  /** At the container's end: what an unfinished entry still gives. */
  end(): FlowRecord[];
}

/** Where this machine keeps what built-in images are made of. */
export interface ImagePaths {
  /** Unpacked Debian packages: `<cache>/tools/root`; shown in every container at /opt/palisade/tools. */
  readonly toolsRoot: string;
  /** The repository's root. */
  readonly repositoryRoot: string;
  /** Our programs for containers (`bundlePrograms`); shown at /opt/palisade/programs where an image binds it. */
  readonly programsRoot: string;
  /** The project's Node 24 executable; shown at /opt/palisade/node/bin/node where an image binds it. */
  readonly nodeExecutable: string;
}

/** Inside every container. */
export const CONTAINER_TOOLS = '/opt/palisade/tools';
/** Inside containers whose image binds it (`node:*`, microsim). */
export const CONTAINER_NODE = '/opt/palisade/node/bin/node';
const CONTAINER_PROGRAMS = '/opt/palisade/programs';

/** Where a container finds one of our own programs. */
export const containerProgram = (name: string) => `${CONTAINER_PROGRAMS}/${name}.js`;

/** What a container needs for one of our own programs: Node, the bundles, and beside them the modules that stay outside of bundles. */
export function programBinds({ nodeExecutable, programsRoot, repositoryRoot }: ImagePaths): ImageBind[] {
  return [
    { source: nodeExecutable, target: CONTAINER_NODE },
    { source: programsRoot, target: CONTAINER_PROGRAMS },
    { source: join(repositoryRoot, 'node_modules'), target: '/opt/palisade/node_modules' },
  ];
}

/**
 * The container cannot be made from this image with this configuration, for example a variable with a bad value. Becomes
 * the container's `CreateContainerConfigError` with the message.
 */
export class ImageConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImageConfigError';
  }
}
