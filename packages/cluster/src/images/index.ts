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
export { CONTAINER_NODE, CONTAINER_TOOLS, ImageConfigError } from './image.ts';
