// Said before anything is downloaded: why a cluster cannot start here, and what to type instead.

/** @param {string} command what the user typed, to be typed again */
export function refuseWithoutCluster(command) {
  if (process.platform !== 'linux') {
    console.error(
      `palisade: a cluster of network namespaces needs Linux (found ${process.platform}): use a Linux virtual machine, or a real cluster. "npm test" runs here what needs none.`,
    );
    process.exit(1);
  }
  if (process.getuid() !== 0) {
    console.error(`palisade: network namespaces need root: type "sudo ${command}". "npm test" runs without root and names what it skips.`);
    process.exit(1);
  }
}
