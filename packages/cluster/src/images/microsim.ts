/** `kellybrazil/microsimserver` and `kellybrazil/microsimclient`: @palisade/microsim as plain JavaScript under the project's Node. */
import { programFiles } from '@palisade/microsim';
import { CONTAINER_NODE, type ImageDefinition, type ImagePaths } from './image.ts';

const folder = '/opt/palisade/microsim';

/** Keeps a small heap: the programs hold 9 MB of their own, and many run on one machine. */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=64'];

export function microsimImages(paths: ImagePaths): ImageDefinition[] {
  return [microsimImage('server', paths, [8080]), microsimImage('client', paths, [])];
}

function microsimImage(program: 'server' | 'client', paths: ImagePaths, exposedPorts: readonly number[]): ImageDefinition {
  return {
    names: [`kellybrazil/microsim${program}`],
    entrypoint: [CONTAINER_NODE, ...nodeFlags, `${folder}/${program}.js`],
    files: programFiles(program).map(({ path, content }) => ({ path: `${folder}/${path}`, content })),
    binds: [{ source: paths.nodeExecutable, target: CONTAINER_NODE }],
    exposedPorts,
  };
}
