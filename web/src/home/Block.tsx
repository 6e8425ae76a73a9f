import { Anchor, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { type QueryKey, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { ProblemView } from "../ui/Problem.tsx";
import classes from "./home.module.css";

interface Asked<T> {
  queryKey: QueryKey;
  queryFn: (context: { signal: AbortSignal }) => Promise<T>;
}

interface Props<T> {
  title: string;
  asked: Asked<T>;
  /** Where all of it is. */
  all?: string;
  empty: ReactNode;
  isEmpty: (answer: T) => boolean;
  children: (answer: T) => ReactNode;
}

/** One thing that may need somebody now: asked for by itself, so that the slowest holds nobody up. */
export function Block<T>({ title, asked, all, empty, isEmpty, children }: Props<T>) {
  const { data, isPending, error, refetch } = useQuery({ queryKey: asked.queryKey, queryFn: ({ signal }) => asked.queryFn({ signal }) });
  return (
    <Framed title={title} all={all}>
      {error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Stack gap="sm" aria-hidden>
          {[0, 1, 2].map((row) => (
            <Skeleton key={row} height={36} />
          ))}
        </Stack>
      ) : isEmpty(data) ? (
        <Text size="sm" c="dimmed" component="div">
          {empty}
        </Text>
      ) : (
        children(data)
      )}
    </Framed>
  );
}

export function Framed({ title, all, children }: { title: string; all?: string; children: ReactNode }) {
  const { t } = useTranslation("home");
  const id = useId();
  return (
    <section className={`card ${classes.block}`} aria-labelledby={id}>
      <Group justify="space-between" wrap="nowrap" align="baseline" mb="xs">
        <Title order={2} size="h5" id={id}>
          {title}
        </Title>
        {all && (
          <Anchor component={Link} to={all} size="sm" aria-label={t("allOf", { title })} style={{ flex: "none" }}>
            {t("all")}
          </Anchor>
        )}
      </Group>
      {children}
    </section>
  );
}

/** A line of a block: what, whose, when. */
export function Line({ to, icon, title, detail, when }: { to?: string; icon?: ReactNode; title: string; detail?: string; when?: string }) {
  const words = title.slice(0, 200);
  return (
    <li className={classes.line}>
      {icon}
      <div className={classes.what}>
        {to ? (
          <Link to={to} className={classes.title} title={title.length > 50 ? title.slice(0, 500) : undefined}>
            <bdi>{words}</bdi>
          </Link>
        ) : (
          <span className={classes.title}>
            <bdi>{words}</bdi>
          </span>
        )}
        {detail && (
          <Text size="sm" c="dimmed" truncate>
            <bdi>{detail.slice(0, 200)}</bdi>
          </Text>
        )}
      </div>
      {when && (
        <Text size="xs" c="dimmed" className={classes.when}>
          {when}
        </Text>
      )}
    </li>
  );
}

export function Lines({ children }: { children: ReactNode }) {
  return <ul className={classes.lines}>{children}</ul>;
}
