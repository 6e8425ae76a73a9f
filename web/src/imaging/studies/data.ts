// The rows of the list. Up to a thousand are held whole and sorted here; of more, the pages near the window, in the order they arrived.
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { useFormat } from "../../app/format.ts";
import type { Sort } from "../../ui/Rows.tsx";
import { countStudies, PAGE, parametersOf, searchStudies, type StudyFilter, type StudyRow } from "./qido.ts";

/** As many are held and can be sorted by any column. */
export const HELD = 1000;
/** The order of arrival: the one QIDO-RS gives. */
export const ARRIVAL = "arrival";
export const STUDIES = "studies";

const EMPTY: StudyRow[] = [];

export function useStudies(filter: StudyFilter, sort: Sort) {
  const client = useQueryClient();
  const format = useFormat();
  const pairs = parametersOf(filter);
  const asked = JSON.stringify(pairs);
  const [range, setRange] = useState<[number, number]>([0, 0]);
  const onRange = useCallback((first: number, last: number) => setRange((was) => (was[0] === first && was[1] === last ? was : [first, last])), []);

  const firstPage = useQuery({
    queryKey: [STUDIES, asked, "first"],
    queryFn: ({ signal }) => searchStudies(pairs, PAGE, 0, signal),
    placeholderData: (before) => before,
  });
  const settled = !firstPage.isPlaceholderData;
  const many = settled && firstPage.data?.more === true;
  const counted = useQuery({ queryKey: [STUDIES, asked, "count"], queryFn: ({ signal }) => countStudies(pairs, signal), enabled: many });
  const total = many ? counted.data : firstPage.data?.rows.length;
  const whole = many && total !== undefined && total <= HELD;
  const all = useQuery({
    queryKey: [STUDIES, asked, "all"],
    queryFn: async ({ signal }) => (await searchStudies(pairs, HELD, 0, signal)).rows,
    enabled: whole,
  });
  const held = many ? (whole ? all.data : undefined) : firstPage.data?.rows;
  const sorted = useMemo(() => (held ? sortRows(held, sort, format.collator) : undefined), [held, sort.key, sort.down, format]);

  const paged = many && total !== undefined && total > HELD;
  const down = sort.key !== ARRIVAL || sort.down;
  // the last to arrive stands first: row i is the one at offset total - 1 - i
  const offsetOf = (index: number) => (down ? (total ?? 0) - 1 - index : index);
  const near = paged ? pagesBetween(offsetOf(range[0]), offsetOf(range[1])) : [];
  const pages = useQueries({
    queries: near.map((page) => ({
      queryKey: [STUDIES, asked, "page", page],
      queryFn: async ({ signal }: { signal: AbortSignal }) => (await searchStudies(pairs, PAGE, page * PAGE, signal)).rows,
      staleTime: 60_000,
      gcTime: 20_000,
    })),
  });
  const rowAt = (index: number): StudyRow | undefined => {
    if (!paged) return (sorted ?? EMPTY)[index];
    const offset = offsetOf(index);
    const page = near.indexOf(Math.floor(offset / PAGE));
    return page < 0 ? undefined : pages[page]?.data?.[offset % PAGE];
  };
  const failed = [firstPage, counted, all, ...pages].find((one) => one.error);
  return {
    count: paged ? (total ?? 0) : (sorted?.length ?? 0),
    total: settled ? total : undefined,
    rowAt,
    onRange,
    /** Whether columns can be sorted by. */
    sortable: !paged,
    pending: firstPage.isPending || (many && !paged && !sorted),
    searching: firstPage.isFetching || counted.isFetching || all.isFetching,
    error: failed?.error ?? null,
    refresh: () => client.invalidateQueries({ queryKey: [STUDIES] }),
  };
}

function pagesBetween(a: number, b: number): number[] {
  const [low, high] = a < b ? [a, b] : [b, a];
  const from = Math.max(0, Math.floor(low / PAGE));
  const to = Math.max(0, Math.floor(Math.max(0, high) / PAGE));
  return Array.from({ length: Math.min(4, to - from + 1) }, (_, index) => from + index);
}

function sortRows(rows: StudyRow[], sort: Sort, collator: Intl.Collator): StudyRow[] {
  const way = sort.down ? -1 : 1;
  if (sort.key === ARRIVAL) return sort.down ? [...rows].reverse() : rows;
  const value = (row: StudyRow): string | number => {
    if (sort.key === "date") return `${row.date}${row.time}`;
    if (sort.key === "series") return row.series ?? -1;
    if (sort.key === "instances") return row.instances ?? -1;
    if (sort.key === "modality") return row.modalities.join(" ");
    const found = (row as unknown as Record<string, unknown>)[sort.key];
    return typeof found === "string" ? found : "";
  };
  const keyed = rows.map((row) => ({ row, key: value(row) }));
  keyed.sort((a, b) => {
    if (typeof a.key === "number" && typeof b.key === "number") return way * (a.key - b.key);
    // nothing stands behind everything, both ways
    if (!a.key || !b.key) return a.key ? -1 : b.key ? 1 : 0;
    return way * collator.compare(String(a.key), String(b.key));
  });
  return keyed.map((one) => one.row);
}
