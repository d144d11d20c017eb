export { createVolumeController, type LocalVolumes } from './controller.ts';
export { DEFAULT_CLASS, PROVISIONER } from './decide.ts';
export { createEphemeralVolumeController } from './ephemeral-controller.ts';
