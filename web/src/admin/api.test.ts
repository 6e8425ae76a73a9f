import { expect, test } from "vitest";
import { fitsAe, fitsLogin, fitsMemberId, idOf } from "./api.ts";

test("an id is made of a name, and is one that the server takes", () => {
  expect(idOf("Klinikum Süd, Haus 2")).toBe("klinikum-sued-haus-2");
  expect(idOf("Hôpital Saint-Étienne")).toBe("hopital-saint-etienne");
  expect(idOf("  --St. Mary's!  ")).toBe("st-mary-s");
  expect(idOf("北京协和医院")).toBe("");
  const long = idOf("a".repeat(62) + " b");
  expect(long.length).toBeLessThanOrEqual(63);
  expect(fitsMemberId(long)).toBe(true);
});

test("logins, ids and AE titles are checked as the server checks them", () => {
  expect(fitsLogin("ada.mueller@sued_1-x")).toBe(true);
  for (const bad of ["", "Ada", "a b", "ü", "a".repeat(65)]) expect(fitsLogin(bad)).toBe(false);
  for (const bad of ["", "-a", "A", "a_b", "a/b", "a".repeat(64)]) expect(fitsMemberId(bad)).toBe(false);
  for (const good of ["CT1", "A", "CT 1", "SIXTEEN_LETTERS1"]) expect(fitsAe(good)).toBe(true);
  for (const bad of ["", " CT", "CT ", "A\\B", "SEVENTEEN_LETTERS", "Ä"]) expect(fitsAe(bad)).toBe(false);
});
