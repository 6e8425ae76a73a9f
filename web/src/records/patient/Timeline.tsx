// Records and images in one order, newest first, read on as somebody scrolls.
import { Button, Chip, Group, SimpleGrid, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconFilterOff, IconSearch, IconTimeline } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { Empty } from "../../ui/Empty.tsx";
import { ProblemView } from "../../ui/Problem.tsx";
import { useDraft } from "../../ui/useDraft.ts";
import { type PatientSearch, type Subject, SUBJECTS } from "../search.ts";
import { Entry, type Item, itemsOf, whenOfItem } from "./Entry.tsx";
import classes from "./Timeline.module.css";
import { orderOf, readPage, startStreams } from "./timeline.ts";

interface Props {
  patient: string;
  search: PatientSearch;
  change: (change: Partial<PatientSearch>) => void;
}

export function Timeline({ patient, search, change }: Props) {
  const { t } = useTranslation("records");
  const format = useFormat();
  const pages = useInfiniteQuery({
    queryKey: ["fhir", "timeline", patient, search],
    queryFn: ({ pageParam, signal }) => readPage(pageParam, search.text, signal),
    initialPageParam: startStreams(patient, search),
    getNextPageParam: (page) => (page.streams.length ? page.streams : null),
    staleTime: 30_000,
  });
  const months = useMemo(() => {
    const all = (pages.data?.pages ?? []).flatMap((page) => page.items);
    // the server orders periods by their ends, people by their beginnings
    const ordered = all.map((resource) => ({ resource, at: orderOf(resource) })).sort((a, b) => b.at - a.at);
    return monthsOf(itemsOf(ordered.map((one) => one.resource)), format.date);
  }, [pages.data, format]);
  const shownItems = months.reduce((sum, month) => sum + month.items.length, 0);
  const reached = pages.data?.pages[pages.data.pages.length - 1]?.reached ?? "";
  const filtered = Boolean(search.show || search.text || search.from || search.to);

  const sentinel = useRef<HTMLDivElement>(null);
  const more = pages.hasNextPage && !pages.isFetchingNextPage && !pages.isFetchNextPageError;
  // a text that is seldom found would be looked for in everything: there, somebody says whether to go on
  const byItself = more && !search.text;
  useEffect(() => {
    const place = sentinel.current;
    if (!byItself || !place) return;
    const observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && void pages.fetchNextPage(), { rootMargin: "800px" });
    observer.observe(place);
    return () => observer.disconnect();
  }, [byItself, pages.data]);

  return (
    <Stack component="section" gap="sm" aria-label={t("timeline.title")}>
      <Title order={2} size="h4">
        {t("timeline.title")}
      </Title>
      <Filters search={search} change={change} filtered={filtered} />
      {pages.isPending ? (
        <Stack gap="xs" role="status" aria-label={t("timeline.loading")}>
          {Array.from({ length: 6 }, (_, row) => (
            <Skeleton key={row} height={64} />
          ))}
        </Stack>
      ) : pages.error && !pages.data ? (
        <ProblemView error={pages.error} retry={() => void pages.refetch()} />
      ) : shownItems === 0 && !pages.hasNextPage ? (
        <Empty
          icon={IconTimeline}
          title={t(filtered ? "timeline.none" : "timeline.empty")}
          action={
            filtered ? (
              <Button variant="default" onClick={() => change({ show: undefined, text: undefined, from: undefined, to: undefined })}>
                {t("timeline.clear")}
              </Button>
            ) : undefined
          }
        >
          {t(filtered ? "timeline.noneWords" : "timeline.emptyWords")}
        </Empty>
      ) : (
        months.map((month) => (
          <section key={month.key} className={classes.month} aria-label={month.label || t("undated")}>
            <Title order={3} size="h6" c="dimmed" className={classes.heading}>
              {month.label || t("undated")}
            </Title>
            <ul className={`card ${classes.list}`}>
              {month.items.map((item) => (
                <Entry key={item.kind === "one" ? `${item.resource.resourceType}/${item.resource.id}` : `results/${item.observations[0]?.id}`} item={item} />
              ))}
            </ul>
          </section>
        ))
      )}
      {pages.isFetchNextPageError && <ProblemView error={pages.error} retry={() => void pages.fetchNextPage()} />}
      {search.text && pages.hasNextPage && (
        <Group>
          <Text size="sm" c="dimmed">
            {t("timeline.lookedBack", { date: format.date(reached) })}
          </Text>
          <Button variant="default" size="xs" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("timeline.further")}
          </Button>
        </Group>
      )}
      {pages.isFetchingNextPage && !search.text && <Skeleton height={64} />}
      <div ref={sentinel} />
      {!pages.hasNextPage && shownItems > 0 && (
        <Text size="xs" c="dimmed" ta="center" py="sm">
          {t("timeline.end")}
        </Text>
      )}
    </Stack>
  );
}

function monthsOf(items: Item[], name: (month: string) => string): { key: string; label: string; items: Item[] }[] {
  const months: { key: string; label: string; items: Item[] }[] = [];
  for (const item of items) {
    const when = whenOfItem(item);
    const key = /^\d{4}-\d{2}/.exec(when)?.[0] ?? /^\d{4}/.exec(when)?.[0] ?? "";
    const last = months[months.length - 1];
    if (last?.key === key) last.items.push(item);
    else months.push({ key, label: key ? name(key) : "", items: [item] });
  }
  return months;
}

function Filters({ search, change, filtered }: { search: PatientSearch; change: Props["change"]; filtered: boolean }) {
  const { t } = useTranslation("records");
  const draft = useDraft(search.text ?? "", (text) => change({ text: text.trim() || undefined }), 350);
  return (
    <form role="search" aria-label={t("timeline.filter")} onSubmit={(event) => event.preventDefault()}>
      <Stack gap="xs">
        <Chip.Group multiple value={search.show ?? []} onChange={(values) => change({ show: values.length ? (values as Subject[]) : undefined })}>
          <Group gap={6} role="group" aria-label={t("timeline.subjects")}>
            {SUBJECTS.map((subject) => (
              <Chip key={subject} value={subject} size="sm" variant="outline" radius="md">
                {t(`subjects.${subject}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="sm" verticalSpacing="xs">
          <TextInput {...draft} label={t("timeline.text")} leftSection={<IconSearch size={16} aria-hidden />} dir="auto" autoComplete="off" maxLength={200} />
          <TextInput type="date" label={t("timeline.from")} value={search.from ?? ""} max={search.to} onChange={(event) => change({ from: event.currentTarget.value || undefined })} />
          <TextInput type="date" label={t("timeline.to")} value={search.to ?? ""} min={search.from} onChange={(event) => change({ to: event.currentTarget.value || undefined })} />
          <Group align="flex-end">
            {filtered && (
              <Button variant="subtle" leftSection={<IconFilterOff size={14} aria-hidden />} onClick={() => change({ show: undefined, text: undefined, from: undefined, to: undefined })}>
                {t("timeline.clear")}
              </Button>
            )}
          </Group>
        </SimpleGrid>
      </Stack>
    </form>
  );
}
