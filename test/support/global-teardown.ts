/** After the last test: stops what global-setup.ts started. A run that is killed needs none of this; see watch.sh. */
export default async function stopRunServers(): Promise<void> {
  await Promise.all((globalThis.tercetRunServers ?? []).map((server) => server.stop()));
}
