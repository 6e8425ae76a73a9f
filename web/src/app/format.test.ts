import { describe, expect, it } from "vitest";
import { makeFormat } from "./format.ts";

describe("times in the site's zone", () => {
  const berlin = makeFormat("en", "Europe/Berlin");

  it("follow the clock over the change to summer time", () => {
    expect(berlin.time("2026-03-29T00:59:00Z")).toMatch(/01:59|1:59/);
    expect(berlin.time("2026-03-29T01:01:00Z")).toMatch(/03:01|3:01/);
  });

  it("tell the two same hours of autumn apart by the instant they came from", () => {
    expect(berlin.time("2026-10-25T00:30:00Z")).toMatch(/2:30/);
    expect(berlin.time("2026-10-25T01:30:00Z")).toMatch(/2:30/);
    expect(berlin.time("2026-10-25T02:30:00Z")).toMatch(/3:30/);
  });

  it("never shift a date", () => {
    for (const zone of ["Pacific/Auckland", "America/Los_Angeles", "Europe/Berlin"]) {
      expect(makeFormat("de", zone).date("1951-03-02")).toBe("02.03.1951");
    }
  });

  it("never shift what a device wrote by its own clock", () => {
    expect(makeFormat("de", "America/Los_Angeles").dicom("20260329", "023000")).toBe("29.03.2026, 02:30");
  });

  it("leave partial dates partial", () => {
    expect(berlin.date("1951")).toBe("1951");
    expect(makeFormat("zh", "Asia/Shanghai").date("1951-03")).toBe("1951年3月");
    expect(berlin.date(undefined)).toBe("—");
    expect(berlin.date("not a date")).toBe("not a date");
  });
});

describe("ages", () => {
  const { age } = makeFormat("en", "Europe/Berlin");

  it("are in the unit that fits", () => {
    expect(age("2000-02-29", "2026-02-28")).toEqual({ value: 25, unit: "year" });
    expect(age("2025-11-23", "2026-03-23")).toEqual({ value: 4, unit: "month" });
    expect(age("2026-03-20", "2026-03-23")).toEqual({ value: 3, unit: "day" });
    expect(age("", undefined)).toBeNull();
  });
});

describe("Chinese names", () => {
  const names = ["张伟", "王芳", "李娜", "陈静", "丁一"];

  it("sort by pinyin", () => {
    expect([...names].sort(makeFormat("zh", "Asia/Shanghai").collator.compare)).toEqual(["陈静", "丁一", "李娜", "王芳", "张伟"]);
  });

  it("sort by stroke where somebody chose that", () => {
    expect([...names].sort(makeFormat("zh", "Asia/Shanghai", "stroke").collator.compare)[0]).toBe("丁一");
  });
});

describe("sizes", () => {
  it("are in the language's own words", () => {
    expect(makeFormat("en", "UTC").bytes(1_500_000)).toBe("1.5 MB");
    expect(makeFormat("de", "UTC").bytes(1_500_000)).toBe("1,5 MB");
  });
});
