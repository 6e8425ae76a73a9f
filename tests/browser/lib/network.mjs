// A network that can be slow, and can go away, as the browser sees it.

/** `slow` in bytes a second, each way; `cut` ends what is on its way too, and the browser says that it is offline. */
export async function network(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Network.enable");
  const set = (offline, bytes) =>
    cdp.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: bytes, uploadThroughput: bytes });
  return { cdp, slow: (bytes) => set(false, bytes), cut: () => set(true, -1), mend: () => set(false, -1) };
}
