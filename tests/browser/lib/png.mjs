// Small PNG files for documents: few colours, by median cut, as PNG (RFC 2083) with a palette.
import { deflateSync } from "node:zlib";
import { PNG } from "pngjs";


/** Colours with how often they are, split at the median of the widest channel until there are as many as wanted; the mean of each. */
function palette(counts, most) {
  if (counts.length === 0) return [];
  const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const box = (colours) => {
    const ranges = [0, 1, 2].map((channel) => {
      const values = colours.map(({ rgb }) => rgb[channel]);
      return values.reduce((most, value) => Math.max(most, value), 0) - values.reduce((least, value) => Math.min(least, value), 255);
    });
    const range = Math.max(...ranges);
    const weight = colours.reduce((sum, { count }) => sum + count, 0);
    return { colours, channel: ranges.indexOf(range), rank: range * Math.sqrt(weight) };
  };
  const boxes = [box(counts.map(([colour, count]) => ({ rgb: parts(colour), count })))];
  while (boxes.length < most) {
    boxes.sort((a, b) => b.rank - a.rank);
    const { colours, channel, rank } = boxes[0];
    if (rank === 0) break;
    colours.sort((a, b) => a.rgb[channel] - b.rgb[channel]);
    const half = colours.reduce((sum, { count }) => sum + count, 0) / 2;
    let [at, sum] = [0, 0];
    while (at < colours.length - 2 && sum + colours[at].count < half) sum += colours[at++].count;
    boxes.splice(0, 1, box(colours.slice(0, at + 1)), box(colours.slice(at + 1)));
  }
  return boxes.map(({ colours }) => {
    const weight = colours.reduce((sum, { count }) => sum + count, 0);
    return [0, 1, 2].map((channel) => Math.round(colours.reduce((sum, { rgb, count }) => sum + rgb[channel] * count, 0) / weight));
  });
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc >>> 0;
});

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, body, sum]);
}

/** An opaque PNG as one with at most so many colours, 256 or fewer. */
export function small(bytes, most = 256) {
  const { width, height, data } = PNG.sync.read(bytes);
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const colour = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  // greys stay grey: a picture of a patient takes no tint from what stands around it
  const isGrey = (colour) => colour >> 16 === (colour & 255) && ((colour >> 8) & 255) === (colour & 255);
  const greys = palette([...counts].filter(([colour]) => isGrey(colour)), Math.ceil(most * 0.6));
  const tints = palette([...counts].filter(([colour]) => !isGrey(colour)), most - greys.length);
  const colours = [...greys, ...tints];
  const nearest = new Map();
  for (const colour of counts.keys()) {
    const [r, g, b] = [colour >> 16, (colour >> 8) & 255, colour & 255];
    const [from, to] = isGrey(colour) ? [0, greys.length] : [greys.length, colours.length];
    let [best, least] = [from, Infinity];
    for (let index = from; index < to; index += 1) {
      const off = (colours[index][0] - r) ** 2 + (colours[index][1] - g) ** 2 + (colours[index][2] - b) ** 2;
      if (off < least) [best, least] = [index, off];
    }
    nearest.set(colour, best);
  }
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      rows[y * (width + 1) + 1 + x] = nearest.get((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("PLTE", Buffer.from(colours.flat())),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
