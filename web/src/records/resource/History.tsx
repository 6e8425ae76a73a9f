// The versions of a resource, and what each changed.
import { Badge, Button, Stack, Table, Text, Title, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { Loading } from "../../ui/Loading.tsx";
import { ProblemView } from "../../ui/Problem.tsx";
import { askFhir, keys, nextOf } from "../api.ts";
import type { Bundle, Resource } from "../fhir/types.ts";
import { useElementName } from "../words.ts";
import classes from "./Details.module.css";
import { type Change, differences } from "./json.ts";
import { Words } from "./Value.tsx";

interface Version {
  id: string;
  when: string;
  resource: Resource | null;
}

export function History({ type, id, chosen, choose }: { type: string; id: string; chosen?: string; choose: (version: string) => void }) {
  const { t } = useTranslation("records");
  const format = useFormat();
  const pages = useInfiniteQuery({
    queryKey: keys.history(type, id),
    queryFn: ({ pageParam, signal }) => askFhir<Bundle>(pageParam, signal),
    initialPageParam: `${type}/${id}/_history?_count=50`,
    getNextPageParam: nextOf,
  });
  if (pages.isPending) return <Loading rows={4} />;
  if (pages.error && !pages.data) return <ProblemView error={pages.error} retry={() => void pages.refetch()} />;
  const versions: Version[] = pages.data.pages.flatMap((page) =>
    (page.entry ?? []).map((entry) => ({
      id: entry.resource?.meta?.versionId ?? /^W\/"(.*)"$/.exec(entry.response?.etag ?? "")?.[1] ?? "",
      when: entry.resource?.meta?.lastUpdated ?? entry.response?.lastModified ?? "",
      resource: entry.resource ?? null,
    })),
  );
  const found = versions.findIndex((version) => version.id === chosen);
  const at = found < 0 ? 0 : found;
  const [now, before] = [versions[at], versions[at + 1]];
  return (
    <div className={classes.history}>
      <Stack gap={2} component="nav" aria-label={t("history.versions")} className="card" p="xs">
        {versions.map((version, index) => (
          <UnstyledButton key={version.id || index} className={classes.version} aria-current={index === at ? "true" : undefined} onClick={() => choose(version.id)}>
            <Text size="sm" fw={600}>
              {t("history.version", { version: version.id })}
              {!version.resource && (
                <Badge ms={6} size="xs" color="red" variant="light" radius="sm">
                  {t("history.deleted")}
                </Badge>
              )}
            </Text>
            <Text size="xs" c="dimmed">
              {format.time(version.when)}
            </Text>
          </UnstyledButton>
        ))}
        {pages.hasNextPage && (
          <Button variant="subtle" size="xs" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("history.older")}
          </Button>
        )}
      </Stack>
      <section className="card" style={{ padding: 16, minWidth: 0 }} aria-live="polite">
        {now && (
          <>
            <Title order={2} size="h5" mb="xs">
              {before?.resource ? t("history.changed", { version: now.id, before: before.id }) : t("history.version", { version: now.id })}
            </Title>
            {!now.resource ? (
              <Text size="sm">{t("history.wasDeleted", { when: format.time(now.when) })}</Text>
            ) : before?.resource ? (
              <Differences changes={differences(before.resource, now.resource)} />
            ) : (
              <Text size="sm" c="dimmed">
                {t(pages.hasNextPage && !before ? "history.loadOlder" : "history.first", { when: format.time(now.when) })}
              </Text>
            )}
          </>
        )}
      </section>
    </div>
  );
}

function Differences({ changes }: { changes: Change[] }) {
  const { t } = useTranslation("records");
  const elementName = useElementName();
  if (!changes.length)
    return (
      <Text size="sm" c="dimmed">
        {t("history.nothing")}
      </Text>
    );
  const label = (path: Change["path"]) => path.map((step) => (typeof step === "number" ? `${step + 1}` : elementName(step).label)).join(" › ");
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("history.element")}</Table.Th>
            <Table.Th>{t("history.before")}</Table.Th>
            <Table.Th>{t("history.after")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.slice(0, 500).map((change) => (
            <Table.Tr key={JSON.stringify(change.path)}>
              <Table.Td c="dimmed">{label(change.path)}</Table.Td>
              <Table.Td>
                {change.before === undefined ? (
                  "—"
                ) : (
                  <del className={classes.before}>
                    <Words text={change.before} />
                  </del>
                )}
              </Table.Td>
              <Table.Td>
                {change.after === undefined ? (
                  "—"
                ) : (
                  <ins style={{ textDecoration: "none", fontWeight: 600 }}>
                    <Words text={change.after} />
                  </ins>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
