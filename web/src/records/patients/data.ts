// The list of patients: read page by page; while it is short it is read whole and sorted as the reader's language does.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useFormat } from "../../app/format.ts";
import type { Sort } from "../../ui/Rows.tsx";
import { askFhir, matches, nextOf, patientParameters, query } from "../api.ts";
import { mrnOf, namesOf } from "../fhir/read.ts";
import type { Bundle, Patient } from "../fhir/types.ts";

/** As many are read at once and sorted here; of more, the server sorts. */
export const HELD = 1000;
const PAGE = 250;
const ELEMENTS = "name,birthDate,gender,identifier,deceased,managingOrganization";
const SERVER_SORT: Record<string, string> = { name: "family", birth: "birthdate", changed: "_lastUpdated" };

export function usePatients(text: string, sort: Sort) {
  const format = useFormat();
  const [last, setLast] = useState(0);
  const server = SERVER_SORT[sort.key] ?? "family";
  const path = `Patient?${query({ ...patientParameters(text), _elements: ELEMENTS, _count: PAGE, _sort: `${sort.down ? "-" : ""}${server}` })}`;
  const pages = useInfiniteQuery({
    queryKey: ["fhir", "Patient", "list", path],
    queryFn: async ({ pageParam, signal }) => {
      const bundle = await askFhir<Bundle<Patient>>(pageParam, signal);
      return { patients: matches<Patient>(bundle), next: nextOf(bundle) };
    },
    initialPageParam: path,
    getNextPageParam: (page) => page.next,
    placeholderData: (before) => before,
  });
  const all = useMemo(() => pages.data?.pages.flatMap((page) => page.patients) ?? [], [pages.data]);
  const complete = pages.isSuccess && !pages.hasNextPage && !pages.isPlaceholderData;
  const more = pages.hasNextPage && !pages.isFetching && !pages.isFetchNextPageError;
  useEffect(() => {
    if (more && (all.length < HELD || last > all.length - PAGE / 2)) void pages.fetchNextPage();
  }, [more, all.length, last]);
  const rows = useMemo(() => {
    if (!complete || all.length > HELD) return all;
    const key = (patient: Patient) =>
      sort.key === "birth" ? (patient.birthDate ?? "") : sort.key === "changed" ? (patient.meta?.lastUpdated ?? "") : sort.key === "mrn" ? mrnOf(patient) : sortName(patient);
    const keyed = all.map((patient) => ({ patient, key: key(patient) }));
    const way = sort.down ? -1 : 1;
    keyed.sort((a, b) => (!a.key || !b.key ? (a.key ? -1 : b.key ? 1 : 0) : way * format.collator.compare(a.key, b.key)));
    return keyed.map((one) => one.patient);
  }, [all, complete, sort.key, sort.down, format]);
  return {
    count: rows.length,
    rowAt: (index: number) => rows[index],
    onRange: useCallback((_first: number, to: number) => setLast(to), []),
    complete,
    pending: pages.isPending,
    error: pages.error,
    refresh: () => void pages.refetch(),
  };
}

/** Family first, as lists of people are sorted everywhere; a name that has no parts as it stands. */
function sortName(patient: Patient): string {
  const shown = namesOf(patient)[0];
  const name = patient.name?.find((one) => one.use === "official") ?? patient.name?.[0];
  return name?.family ? `${name.family} ${(name.given ?? []).join(" ")}` : (shown ?? "");
}
