import { ActionIcon, Alert, Badge, Button, Group, Select, Text, Tooltip } from "@mantine/core";
import { IconPhotoScan, IconRefresh, IconUpload, IconUser } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useCan, useSavePreference, useSession } from "../app/session.tsx";
import { ShareButton, useCanShare } from "../records/ShareButton.tsx";
import { Clip } from "../ui/Clip.tsx";
import { Empty } from "../ui/Empty.tsx";
import { failed } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { Loading } from "../ui/Loading.tsx";
import { ProblemView, useProblemWords } from "../ui/Problem.tsx";
import { type Column, Rows, type Sort } from "../ui/Rows.tsx";
import { useMemberName } from "../ui/useMemberName.ts";
import { remember } from "../app/palette/recent.ts";
import { studiesRoute } from "./routes.tsx";
import { type ColumnKey, ColumnMenu, chosenColumns } from "./studies/ColumnMenu.tsx";
import { ARRIVAL, HELD, useStudies } from "./studies/data.ts";
import { Filters } from "./studies/Filters.tsx";
import { patientOfStudy } from "./studies/patient.ts";
import type { StudyRow } from "./studies/qido.ts";
import { isFiltered, type StudiesSearch } from "./studies/search.ts";

const WIDTHS: Record<ColumnKey, [min: number, grow: number]> = {
  patientName: [150, 3],
  date: [176, 1.2],
  modality: [88, 0.5],
  description: [150, 3],
  patientId: [88, 0.8],
  birthDate: [104, 0.8],
  sex: [64, 0.4],
  accession: [120, 1],
  series: [76, 0.4],
  instances: [80, 0.4],
  referrer: [140, 1.4],
  institution: [150, 1.6],
  owner: [120, 1.2],
};
const FROM_HIGH = new Set(["date", "series", "instances"]);

export function StudiesPage() {
  const { t } = useTranslation("imaging");
  const search = studiesRoute.useSearch();
  const navigate = useNavigate();
  const session = useSession();
  const save = useSavePreference();
  const format = useFormat();
  const words = useProblemWords();
  const memberName = useMemberName();
  const canStore = useCan("store");
  const canShare = useCanShare();
  const seesPatients = session.role !== "guest" && session.can.includes("search");
  const [fit, setFit] = useState(99);
  const onFit = useCallback((columns: number) => setFit(columns), []);
  const sort: Sort = { key: search.sort ?? "date", down: search.down ?? (search.sort === undefined || FROM_HIGH.has(search.sort) || search.sort === ARRIVAL) };
  const studies = useStudies(search, sort);
  const chosen = chosenColumns(session.preferences.studies);

  const change = (changed: Partial<StudiesSearch>) => void navigate({ to: "/studies", search: { ...search, ...changed }, replace: true, resetScroll: false });
  const opened = (row: StudyRow) =>
    remember({ kind: "studies", id: row.uid, label: [row.description || row.modalities.join(" "), row.patientName].filter(Boolean).join(" · ").slice(0, 200), detail: format.dicom(row.date) });
  const open = (row: StudyRow) => {
    opened(row);
    void navigate({ to: "/studies/$study", params: { study: row.uid } });
  };
  async function toPatient(row: StudyRow) {
    try {
      const patient = await patientOfStudy(row.uid);
      if (patient) await navigate({ to: "/patients/$patient", params: { patient } });
      else failed(t("studies.noRecord"), t("studies.noRecordWords"));
    } catch (error) {
      failed(words(error).title, words(error).todo);
    }
  }

  const cells: Record<ColumnKey, (row: StudyRow, focusable: boolean) => React.ReactNode> = {
    patientName: (row, focusable) => (
      <Link to="/studies/$study" params={{ study: row.uid }} onClick={() => opened(row)} tabIndex={focusable ? 0 : -1} title={row.names.join(" · ").slice(0, 500)}>
        <bdi>{row.patientName.slice(0, 200) || t("studies.noName")}</bdi>
        {row.names[1] && (
          <Text span c="dimmed" size="sm" ms={6}>
            <bdi>{row.names[1].slice(0, 200)}</bdi>
          </Text>
        )}
      </Link>
    ),
    date: (row) => format.dicom(row.date, row.time),
    modality: (row) => row.modalities.join(" ") || "—",
    description: (row) => <Clip>{row.description}</Clip>,
    patientId: (row) => <Clip>{row.patientId}</Clip>,
    birthDate: (row) => format.dicom(row.birthDate),
    sex: (row) => (["M", "F", "O"].includes(row.sex) ? t(`studies.sex.${row.sex}`) : "—"),
    accession: (row) => <Clip>{row.accession}</Clip>,
    series: (row) => (row.series === null ? "—" : format.number(row.series)),
    instances: (row) => (row.instances === null ? "—" : format.number(row.instances)),
    referrer: (row) => <Clip>{row.referrer}</Clip>,
    institution: (row) => <Clip>{row.institution}</Clip>,
    owner: (row) => (row.owner ? <Clip>{memberName(row.owner)}</Clip> : ""),
  };
  const columns: Column<StudyRow>[] = chosen.map((key) => ({
    key,
    label: t(`studies.column.${key}`),
    min: WIDTHS[key][0],
    grow: WIDTHS[key][1],
    end: key === "series" || key === "instances",
    sortable: studies.sortable,
    render: cells[key],
  }));

  const actions = (row: StudyRow, focusable: boolean) => (
    <>
      {seesPatients && (
        <Tooltip label={t("studies.toPatient")}>
          <ActionIcon variant="subtle" size="md" tabIndex={focusable ? 0 : -1} aria-label={t("studies.toPatientOf", { name: row.patientName.slice(0, 80) })} onClick={() => void toPatient(row)}>
            <IconUser size={18} aria-hidden />
          </ActionIcon>
        </Tooltip>
      )}
      <ShareButton study={row.uid} title={[row.patientName, row.description].filter(Boolean).join(" · ").slice(0, 200)} compact tabIndex={focusable ? 0 : -1} />
    </>
  );

  const card = (row: StudyRow) => (
    <div>
      <Group gap={6} wrap="nowrap">
        {row.modalities.slice(0, 3).map((modality) => (
          <Badge key={modality} variant="light" radius="sm" style={{ flex: "none" }}>
            {modality.slice(0, 16)}
          </Badge>
        ))}
        <Text span fw={600} truncate component={Link} to="/studies/$study" params={{ study: row.uid } as never} onClick={() => opened(row)} c="inherit" style={{ textDecoration: "none" }}>
          <bdi>{row.patientName.slice(0, 200) || t("studies.noName")}</bdi>
        </Text>
      </Group>
      <Text size="sm" lineClamp={2}>
        <bdi>{row.description.slice(0, 300) || "—"}</bdi>
      </Text>
      <Text size="xs" c="dimmed">
        {format.dicom(row.date, row.time)}
        {row.instances !== null && ` · ${t("studies.images", { count: row.instances, n: format.number(row.instances) })}`}
      </Text>
    </div>
  );

  const filtered = isFiltered(search);
  return (
    <Page
      title={t("studies.title")}
      lead={t("studies.lead")}
      actions={
        <>
          <ColumnMenu chosen={chosen} choose={(next) => void save("studies", { columns: next })} fit={fit} />
          <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} loading={studies.searching && !studies.pending} onClick={() => void studies.refresh()}>
            {t("studies.refresh")}
          </Button>
        </>
      }
    >
      <Filters search={search} change={change} clear={() => void navigate({ to: "/studies", search: { sort: search.sort, down: search.down } })} />
      <Group justify="space-between" gap="xs" mih={36}>
        <Text size="sm" c="dimmed" role="status">
          {studies.total === undefined ? (studies.error ? "" : t("studies.counting")) : t("studies.found", { count: studies.total, n: format.number(studies.total) })}
        </Text>
        {!studies.sortable && (
          <Select
            size="xs"
            aria-label={t("studies.order")}
            w={220}
            data={[
              { value: "last", label: t("studies.lastArrived") },
              { value: "first", label: t("studies.firstArrived") },
            ]}
            value={sort.key === ARRIVAL && !sort.down ? "first" : "last"}
            onChange={(value) => change({ sort: ARRIVAL, down: value === "last" })}
          />
        )}
      </Group>
      {!studies.sortable && (
        <Alert variant="light" p="xs">
          {t("studies.tooManyToSort", { n: format.number(HELD) })}
        </Alert>
      )}
      {studies.error ? (
        <ProblemView error={studies.error} retry={() => void studies.refresh()} />
      ) : studies.pending ? (
        <Loading rows={10} />
      ) : studies.count === 0 ? (
        filtered ? (
          <Empty icon={IconPhotoScan} title={t("studies.none")} action={<Button onClick={() => void navigate({ to: "/studies", search: {} })}>{t("studies.clear")}</Button>}>
            {t("studies.noneWords")}
          </Empty>
        ) : (
          <Empty
            icon={IconPhotoScan}
            title={t("studies.empty")}
            action={
              canStore ? (
                <Button component={Link} to="/upload" leftSection={<IconUpload size={16} aria-hidden />}>
                  {t("studies.upload")}
                </Button>
              ) : undefined
            }
          >
            {t(canStore ? "studies.emptyWords" : "studies.emptyReader")}
          </Empty>
        )
      ) : (
        <Rows
          label={t("studies.title")}
          columns={columns}
          count={studies.count}
          rowAt={studies.rowAt}
          keyOf={(row) => row.uid}
          open={open}
          actions={seesPatients || canShare ? actions : undefined}
          actionsLabel={t("studies.actions")}
          actionsWidth={seesPatients && canShare ? 68 : 40}
          card={card}
          sort={studies.sortable ? sort : undefined}
          onSort={(next) => change({ sort: next.key, down: next.key === sort.key ? next.down : FROM_HIGH.has(next.key) })}
          onRange={studies.onRange}
          onFit={onFit}
        />
      )}
    </Page>
  );
}
