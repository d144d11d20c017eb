/** A volume cannot be made (yet); becomes the FailedMount event, and the pod waits. */
export class VolumeError extends Error {
  readonly volume: string;
  constructor(volume: string, message: string) {
    super(message);
    this.name = 'VolumeError';
    this.volume = volume;
  }
}
