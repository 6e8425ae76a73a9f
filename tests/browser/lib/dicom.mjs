// Small DICOM files (PS3.10, Explicit VR Little Endian), made here so that their texts can be anything.

const VR = {
  "00080005": "CS", "00080016": "UI", "00080018": "UI", "00080020": "DA", "00080030": "TM", "00080050": "SH", "00080060": "CS",
  "00080080": "LO", "00080090": "PN", "00081030": "LO", "0008103E": "LO", "00100010": "PN", "00100020": "LO", "00100030": "DA",
  "00100040": "CS", "00104000": "LT", "0020000D": "UI", "0020000E": "UI", "00200010": "SH", "00200011": "IS", "00200013": "IS",
  "00280002": "US", "00280004": "CS", "00280010": "US", "00280011": "US", "00280030": "DS", "00280100": "US", "00280101": "US",
  "00280102": "US", "00280103": "US", "00281050": "DS", "00281051": "DS", "00020001": "OB", "00020002": "UI", "00020003": "UI",
  "00020010": "UI", "00020012": "UI", "7FE00010": "OW",
};
const LONG = new Set(["OB", "OW", "UN", "UT", "SQ"]);
const SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7";
const EXPLICIT_LITTLE = "1.2.840.10008.1.2.1";

function element(tag, value) {
  const vr = VR[tag];
  let bytes;
  if (Buffer.isBuffer(value)) bytes = value;
  else if (vr === "US") {
    bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
  } else bytes = Buffer.from(String(value), "utf8");
  if (bytes.length % 2) bytes = Buffer.concat([bytes, Buffer.from(vr === "UI" || vr === "OB" ? "\0" : " ")]);
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  head.write(vr, 4, "latin1");
  if (LONG.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

const elements = (values) => Buffer.concat(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)).map(([tag, value]) => element(tag, value)));

let made = 0;

/** A UID that no other run and no other file has. */
export function uid() {
  made += 1;
  return `2.25.${BigInt(Date.now()) * 1_000_000n + BigInt(process.pid % 1000) * 1000n + BigInt(made)}`;
}

/** A Part 10 file of 16×16 gray pixels; `changes` are attributes by tag, in UTF-8. */
export function file(changes = {}) {
  const instance = changes["00080018"] ?? uid();
  const pixels = Buffer.alloc(16 * 16 * 2);
  for (let at = 0; at < 256; at += 1) pixels.writeUInt16LE(at * 8, at * 2);
  const data = elements({
    "00080005": "ISO_IR 192", "00080016": SECONDARY_CAPTURE, "00080018": instance, "00080020": "20260102", "00080030": "101500",
    "00080050": "", "00080060": "OT", "00080090": "", "00081030": "", "0008103E": "", "00100010": "Test^Somebody", "00100020": "T-1",
    "00100030": "19700101", "00100040": "O", "0020000D": uid(), "0020000E": uid(), "00200010": "1", "00200011": "1", "00200013": "1",
    "00280002": 1, "00280004": "MONOCHROME2", "00280010": 16, "00280011": 16, "00280030": "1\\1", "00280100": 16, "00280101": 16,
    "00280102": 15, "00280103": 0, "00281050": "1000", "00281051": "2000", "7FE00010": pixels, ...changes, "00080018": instance,
  });
  const meta = elements({ "00020001": Buffer.from([0, 1]), "00020002": SECONDARY_CAPTURE, "00020003": instance, "00020010": EXPLICIT_LITTLE, "00020012": "2.25.1" });
  const length = Buffer.alloc(12);
  length.writeUInt16LE(2, 0);
  length.write("UL", 4, "latin1");
  length.writeUInt16LE(4, 6);
  length.writeUInt32LE(meta.length, 8);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, data]);
}
