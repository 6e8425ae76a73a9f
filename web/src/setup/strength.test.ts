import { expect, test } from "vitest";
import { strengthOf } from "./strength.ts";

test("what is guessed first is weak, several words or chance are strong", () => {
  expect(strengthOf("elevenchars")).toBe("short");
  expect(strengthOf("aaaaaaaaaaaaaaaaaaaa")).toBe("weak");
  expect(strengthOf("abcdefghijkl")).toBe("weak");
  expect(strengthOf("123456789012")).toBe("weak");
  expect(strengthOf("ada.muellerada", ["ada.mueller", "ada"])).toBe("weak");
  expect(["good", "strong"]).toContain(strengthOf("correct horse battery staple"));
  expect(strengthOf("w9!Kd2#rTz8&qLx4")).toBe("strong");
});

test("characters are counted as people count them", () => {
  expect(strengthOf("🩻".repeat(11))).toBe("short");
  expect(strengthOf("🩻".repeat(12))).not.toBe("short");
});
