export type {
  FlowLogPlace,
  FlowLogReader,
  ImageBind,
  ImageContainer,
  ImageDefinition,
  ImageFile,
  ImageFlowLog,
  ImagePaths,
  ImageUser,
  PreparedImage,
} from './image.ts';
export { ImageConfigError } from './image.ts';
export { meshImages, meshProgramFlags } from './mesh.ts';
export { microsimImages } from './microsim.ts';
export { modsecurityImage } from './modsecurity.ts';
export { wafProgramEnvironment, wafProgramFlags } from './palisade-waf.ts';
export { bundlePrograms, markUsed } from './programs.ts';
export type { FoundImage, ImageRegistry, ImageRegistryOptions } from './registry.ts';
export { createImageRegistry, ImageNotFoundError } from './registry.ts';
export { toolImages } from './tool-images.ts';
export { readUserImages } from './user-image.ts';
