import { expect, it } from "vitest";
import { isDicom, readHeader } from "./dicom.ts";

function element(tag: number, vr: string, value: Uint8Array): number[] {
  return [(tag >> 16) & 255, (tag >> 24) & 255, tag & 255, (tag >> 8) & 255, ...new TextEncoder().encode(vr), value.length & 255, value.length >> 8, ...value];
}

const text = (value: string) => new TextEncoder().encode(value.length % 2 ? `${value} ` : value);

function file(name: Uint8Array, charset: string): Uint8Array {
  const meta = [...element(0x00020003, "UI", text("1.2.3")), ...element(0x00020010, "UI", text("1.2.840.10008.1.2.1"))];
  // a sequence of undefined length stands in the way
  const sequence = [0x08, 0x00, 0x10, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff, ...element(0x00081150, "UI", text("9")), 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
  const data = [...element(0x00080005, "CS", text(charset)), ...element(0x00080018, "UI", text("1.2.3")), ...sequence, ...element(0x00100010, "PN", name), ...element(0x0020000d, "UI", text("1.2.4")), ...element(0x0020000e, "UI", text("1.2.5"))];
  return new Uint8Array([...new Array<number>(128).fill(0), 0x44, 0x49, 0x43, 0x4d, ...meta, ...data]);
}

it("reads who and which study, past sequences, in its character set", () => {
  const bytes = file(new Uint8Array([0xc4, 0x6e]), "ISO_IR 100");
  expect(isDicom(bytes)).toBe(true);
  expect(readHeader(bytes)).toMatchObject({ header: { sop: "1.2.3", study: "1.2.4", series: "1.2.5", patientName: "Än" } });
});

it("asks for more where the bytes end too soon, at every byte, and never fails otherwise", () => {
  const bytes = file(text("A^B"), "ISO_IR 192");
  for (let length = 133; length < bytes.length - 14; length += 1) {
    const read = readHeader(bytes.slice(0, length));
    expect("short" in read || ("header" in read && read.header === null), String(length)).toBe(true);
  }
});

it("survives nesting without end", () => {
  const bytes = file(text("A^B"), "ISO_IR 192").slice(0, 200);
  const item = [0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff, 0x08, 0x00, 0x10, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff];
  const deep = new Uint8Array([...bytes.slice(0, 132), ...element(0x00080005, "CS", text("")), 0x08, 0x00, 0x10, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, ...Array.from({ length: 5000 }, () => item).flat()]);
  expect(() => readHeader(deep)).toThrow();
});
