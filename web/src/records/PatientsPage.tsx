import { Badge, Button, Group, Text, TextInput } from "@mantine/core";
import { IconSearch, IconUserPlus, IconUsersGroup } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useCan, useSession } from "../app/session.tsx";
import { Clip } from "../ui/Clip.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { type Column, Rows } from "../ui/Rows.tsx";
import { useDraft } from "../ui/useDraft.ts";
import { isDead, mrnOf, namesOf } from "./fhir/read.ts";
import type { Patient } from "./fhir/types.ts";
import { HELD, usePatients } from "./patients/data.ts";
import { patientsRoute } from "./routes.tsx";
import type { PatientsSearch } from "./search.ts";
import { useAge, useSex } from "./words.ts";

const NewPatient = lazy(() => import("./patients/NewPatient.tsx"));

export function PatientsPage() {
  const { t } = useTranslation("records");
  const search = patientsRoute.useSearch();
  const navigate = useNavigate();
  const session = useSession();
  const format = useFormat();
  const age = useAge();
  const sex = useSex();
  const writes = useCan("write") && session.role !== "patient" && session.role !== "administrator";
  const sort = { key: search.sort ?? "name", down: search.down ?? false };
  const patients = usePatients(search.q ?? "", sort);
  const change = (changed: Partial<PatientsSearch>) => void navigate({ to: "/patients", search: { ...search, ...changed }, replace: true, resetScroll: false });
  const draft = useDraft(search.q ?? "", (q) => change({ q: q.trim() || undefined }));
  const open = (patient: Patient) => void navigate({ to: "/patients/$patient", params: { patient: patient.id } });

  const columns: Column<Patient>[] = [
    {
      key: "name",
      label: t("patients.name"),
      min: 180,
      grow: 3,
      sortable: true,
      render: (patient, focusable) => {
        const [name, ...others] = namesOf(patient);
        return (
          <Link to="/patients/$patient" params={{ patient: patient.id }} tabIndex={focusable ? 0 : -1} title={[name, ...others].join(" · ").slice(0, 500)}>
            <bdi>{name?.slice(0, 200) ?? t("noName")}</bdi>
            {others[0] && (
              <Text span c="dimmed" size="sm" ms={6}>
                <bdi>{others[0].slice(0, 200)}</bdi>
              </Text>
            )}
            {isDead(patient) && (
              <Badge ms={6} size="xs" variant="default" radius="sm">
                {t("deceased")}
              </Badge>
            )}
          </Link>
        );
      },
    },
    {
      key: "birth",
      label: t("patients.birth"),
      min: 200,
      sortable: true,
      render: (patient) => (
        <>
          {format.date(patient.birthDate)} <Text span c="dimmed" size="sm">{age(patient)}</Text>
        </>
      ),
    },
    { key: "sex", label: t("patients.sex"), min: 80, grow: 0.6, render: (patient) => sex(patient.gender) },
    { key: "mrn", label: t("mrn"), min: 110, sortable: patients.complete, render: (patient) => <Clip>{mrnOf(patient)}</Clip> },
    { key: "member", label: t("patients.member"), min: 160, grow: 1.6, render: (patient) => <Clip>{patient.managingOrganization?.display ?? ""}</Clip> },
    { key: "changed", label: t("patients.changed"), min: 150, sortable: true, render: (patient) => format.time(patient.meta?.lastUpdated) },
  ];

  const card = (patient: Patient) => {
    const [name, ...others] = namesOf(patient);
    return (
      <div>
        <Text component={Link} to={`/patients/${patient.id}`} fw={600} c="inherit" truncate display="block" style={{ textDecoration: "none" }}>
          <bdi>{name?.slice(0, 200) ?? t("noName")}</bdi>
        </Text>
        {others[0] && (
          <Text size="sm" c="dimmed" truncate>
            <bdi>{others[0].slice(0, 200)}</bdi>
          </Text>
        )}
        <Text size="sm">
          {format.date(patient.birthDate)} <Text span c="dimmed" size="sm">{age(patient)}</Text> · {sex(patient.gender)}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {t("mrn")} <bdi>{mrnOf(patient).slice(0, 80) || "—"}</bdi>
          {isDead(patient) && ` · ${t("deceased")}`}
        </Text>
      </div>
    );
  };

  const newButton = (
    <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => change({ new: true })}>
      {t("patients.new")}
    </Button>
  );
  return (
    <Page title={t("patients.title")} lead={t("patients.lead")} actions={writes && newButton}>
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <TextInput
          {...draft}
          size="md"
          maw={520}
          label={t("patients.search")}
          placeholder={t("patients.searchHint")}
          leftSection={<IconSearch size={18} aria-hidden />}
          dir="auto"
          autoComplete="off"
          spellCheck={false}
          maxLength={200}
        />
      </form>
      <Group mih={22}>
        <Text size="sm" c="dimmed" role="status">
          {patients.pending || patients.error
            ? ""
            : patients.complete
              ? t("patients.found", { count: patients.count, n: format.number(patients.count) })
              : t("patients.foundSoFar", { n: format.number(patients.count), held: format.number(HELD) })}
        </Text>
      </Group>
      {patients.error ? (
        <ProblemView error={patients.error} retry={patients.refresh} />
      ) : patients.pending ? (
        <Loading rows={10} />
      ) : patients.count === 0 ? (
        search.q ? (
          <Empty icon={IconUsersGroup} title={t("patients.none")} action={<Button onClick={() => change({ q: undefined })}>{t("patients.clear")}</Button>}>
            {t("patients.noneWords")}
          </Empty>
        ) : (
          <Empty icon={IconUsersGroup} title={t("patients.empty")} action={writes ? newButton : undefined}>
            {t("patients.emptyWords")}
          </Empty>
        )
      ) : (
        <Rows
          label={t("patients.title")}
          columns={columns}
          count={patients.count}
          rowAt={patients.rowAt}
          keyOf={(patient) => patient.id}
          open={open}
          card={card}
          cardHeight={116}
          sort={sort}
          onSort={(next) => change({ sort: next.key as PatientsSearch["sort"], down: (next.key === sort.key ? next.down : next.key === "changed") || undefined })}
          onRange={patients.onRange}
        />
      )}
      <Suspense fallback={null}>{search.new && writes && <NewPatient close={() => change({ new: undefined })} />}</Suspense>
    </Page>
  );
}
