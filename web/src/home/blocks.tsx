// The blocks of the home page: each from a question of its own.
import { Anchor, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconPhotoScan, IconReportMedical, IconShare3, IconUser } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { recents } from "../app/palette/recent.ts";
import { useCan, useSession } from "../app/session.tsx";
import { personName } from "../imaging/studies/qido.ts";
import { mrnOf, namesOf, studyUid, titleOf, whenOf } from "../records/fhir/read.ts";
import type { Reference } from "../records/fhir/types.ts";
import { Thumbnail } from "../records/patient/Thumbnail.tsx";
import { conflicts, devices, incomingShares, newestReports, newestStudies, newPatients, system, users } from "./api.ts";
import { Block, Framed, Line, Lines } from "./Block.tsx";
import classes from "./home.module.css";
import { reasonKey } from "../tray/api.ts";

const FEW = 6;

/** A DICOM name (`Ding^Guoqiang=丁^国强`) as people read it. */
export function shownName(value: string | null | undefined): string {
  if (!value) return "";
  const [alphabetic = "", ideographic = ""] = value.split("=");
  return [personName(ideographic), personName(alphabetic)].filter(Boolean).join(" · ");
}

export function SharedWithUs() {
  const { t } = useTranslation("home");
  const format = useFormat();
  return (
    <Block title={t("incoming.title")} asked={incomingShares} all="/sharing" isEmpty={(shares) => shares.length === 0} empty={t("incoming.empty")}>
      {(shares) => (
        <Lines>
          {shares.slice(0, FEW).map((share) => (
            <Line
              key={share.id}
              icon={<IconShare3 size={18} stroke={1.6} aria-hidden />}
              to={share.study ? `/studies/${share.study}` : share.patient ? `/patients/${share.patient}` : undefined}
              title={[share.description, shownName(share.patient_name)].filter(Boolean).join(" · ") || t(share.study ? "incoming.study" : "incoming.record")}
              detail={t("incoming.from", { member: share.from_name })}
              when={share.created ? format.relative(share.created) : ""}
            />
          ))}
        </Lines>
      )}
    </Block>
  );
}

export function NewestStudies({ own = false }: { own?: boolean }) {
  const { t } = useTranslation("home");
  const format = useFormat();
  const canStore = useCan("store");
  return (
    <Block
      title={t(own ? "studies.mine" : "studies.title")}
      asked={newestStudies}
      all="/studies"
      isEmpty={(studies) => studies.length === 0}
      empty={
        <>
          {t("studies.empty")}{" "}
          {canStore && (
            <Anchor component={Link} to="/upload" size="sm" underline="always">
              {t("studies.upload")}
            </Anchor>
          )}
        </>
      }
    >
      {(studies) => (
        <Lines>
          {studies.map(({ study, patient }) => {
            const uid = studyUid(study);
            const modality = (study.modality ?? []).map((one) => one.code).join(" ");
            return (
              <Line
                key={study.id}
                icon={uid ? <Thumbnail study={uid} size={44} /> : <IconPhotoScan size={18} aria-hidden />}
                to={uid ? `/studies/${uid}` : `/records/ImagingStudy/${study.id}`}
                title={(own ? "" : (namesOf(patient ?? undefined)[0] ?? study.subject?.display ?? "")) || study.description || modality || t("studies.study")}
                detail={[own && study.description ? "" : study.description, modality].filter(Boolean).join(" · ")}
                when={format.time(study.started)}
              />
            );
          })}
        </Lines>
      )}
    </Block>
  );
}

export function NewestReports({ own = false }: { own?: boolean }) {
  const { t } = useTranslation("home");
  const format = useFormat();
  return (
    <Block title={t("reports.title")} asked={newestReports} isEmpty={(reports) => reports.length === 0} empty={t("reports.empty")}>
      {(reports) => (
        <Lines>
          {reports.map((report) => {
            const subject = (report.subject as Reference | undefined)?.display;
            return (
              <Line
                key={report.id}
                icon={<IconReportMedical size={18} stroke={1.6} aria-hidden />}
                to={`/records/DiagnosticReport/${report.id}`}
                title={titleOf(report) || t("reports.report")}
                detail={[own ? "" : subject, report.conclusion as string | undefined].filter(Boolean).join(" · ")}
                when={format.time(whenOf(report))}
              />
            );
          })}
        </Lines>
      )}
    </Block>
  );
}

export function OpenedBefore() {
  const { t } = useTranslation("home");
  const opened = recents();
  return (
    <Framed title={t("opened.title")}>
      {opened.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("opened.empty")}
        </Text>
      ) : (
        <Lines>
          {opened.slice(0, FEW).map((one) => (
            <Line
              key={`${one.kind}/${one.id}`}
              icon={one.kind === "patients" ? <IconUser size={18} stroke={1.6} aria-hidden /> : <IconPhotoScan size={18} stroke={1.6} aria-hidden />}
              to={`/${one.kind}/${one.id}`}
              title={one.label}
              detail={one.detail}
            />
          ))}
        </Lines>
      )}
    </Framed>
  );
}

export function Conflicts() {
  const { t } = useTranslation("home");
  const { t: tray } = useTranslation("tray");
  const format = useFormat();
  return (
    <Block title={t("conflicts.title")} asked={conflicts} all="/tray" isEmpty={(found) => found.length === 0} empty={t("conflicts.empty")}>
      {(found) => (
        <Lines>
          {found.slice(0, FEW).map((conflict) => (
            <Line
              key={conflict.id}
              icon={<IconAlertTriangle size={18} stroke={1.6} aria-hidden />}
              to={`/tray/${conflict.id}`}
              title={[shownName(conflict.patient_name), conflict.description].filter(Boolean).join(" · ") || t("conflicts.one")}
              detail={tray(`reasons.${reasonKey(conflict.reason) ?? ""}`, { defaultValue: conflict.reason })}
              when={format.relative(conflict.received)}
            />
          ))}
        </Lines>
      )}
    </Block>
  );
}

/** The instant at which today began by the site's clock. */
export function startOfDay(timeZone: string, now = new Date()): string {
  try {
    const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).formatToParts(now);
    const part = (type: string) => Number(parts.find((one) => one.type === type)?.value ?? 0);
    const since = (part("hour") * 3600 + part("minute") * 60 + part("second")) * 1000;
    return new Date(Math.floor((now.getTime() - since) / 1000) * 1000).toISOString();
  } catch {
    return new Date(now.getTime() - 86_400_000).toISOString();
  }
}

export function NewPatients() {
  const { t } = useTranslation("home");
  const format = useFormat();
  const session = useSession();
  const asked = newPatients(startOfDay(session.member.timezone));
  const action = (
    <Button component={Link} to="/patients" search={{ new: true } as never} size="compact-sm" variant="light">
      {t("newPatients.add")}
    </Button>
  );
  return (
    <Block
      title={t("newPatients.title")}
      asked={asked}
      all="/patients"
      isEmpty={(patients) => patients.length === 0}
      empty={
        <Group gap="xs">
          {t("newPatients.empty")} {action}
        </Group>
      }
    >
      {(patients) => (
        <>
          <Lines>
            {patients.slice(0, FEW).map((patient) => (
              <Line
                key={patient.id}
                icon={<IconUser size={18} stroke={1.6} aria-hidden />}
                to={`/patients/${patient.id}`}
                title={namesOf(patient).join(" · ") || mrnOf(patient)}
                detail={[format.date(patient.birthDate), mrnOf(patient)].filter(Boolean).join(" · ")}
                when={patient.meta?.lastUpdated ? format.relative(patient.meta.lastUpdated) : ""}
              />
            ))}
          </Lines>
          {action}
        </>
      )}
    </Block>
  );
}

export function Health() {
  const { t } = useTranslation("home");
  const format = useFormat();
  return (
    <Block title={t("health.title")} asked={system} all="/system" isEmpty={() => false} empty="">
      {(state) => {
        const bad = [...state.health.filter((one) => !one.ok), ...state.jobs.filter((job) => job.state === "failed").map((job) => ({ name: job.kind, message: job.message }))];
        const figures: [string, string][] = [
          ...(state.storage?.studies === undefined ? [] : [[t("health.studies"), format.number(state.storage.studies)] as [string, string]]),
          ...(state.storage?.resources === undefined ? [] : [[t("health.resources"), format.number(state.storage.resources)] as [string, string]]),
          ...(state.storage?.free_bytes === undefined ? [] : [[t("health.free"), format.bytes(state.storage.free_bytes)] as [string, string]]),
        ];
        return (
          <>
            <Lines>
              {bad.length === 0 ? (
                <Line icon={<IconCircleCheck size={18} aria-hidden />} title={t("health.fine", { count: state.health.length })} />
              ) : (
                bad.map((one) => <Line key={one.name} icon={<IconAlertTriangle size={18} aria-hidden />} to="/system" title={t("health.failing", { name: one.name })} detail={one.message} />)
              )}
            </Lines>
            {figures.length > 0 && (
              <dl className={classes.figures}>
                {figures.map(([label, value]) => (
                  <div key={label}>
                    <dt>{label}</dt>
                    <dd>{value}</dd>
                  </div>
                ))}
              </dl>
            )}
          </>
        );
      }}
    </Block>
  );
}

export function Devices() {
  const { t } = useTranslation("home");
  const format = useFormat();
  return (
    <Block
      title={t("devices.title")}
      asked={devices}
      all="/admin/devices"
      isEmpty={(found) => found.length === 0}
      empty={
        <>
          {t("devices.empty")}{" "}
          <Anchor component={Link} to="/admin/devices" size="sm" underline="always">
            {t("devices.add")}
          </Anchor>
        </>
      }
    >
      {(found) => (
        <Lines>
          {[...found]
            .sort((a, b) => (b.last_seen ?? "").localeCompare(a.last_seen ?? ""))
            .slice(0, FEW)
            .map((device) => (
              <Line key={device.ae} to="/admin/devices" title={device.ae} detail={device.last_outcome ?? ""} when={device.last_seen ? format.relative(device.last_seen) : t("devices.never")} />
            ))}
        </Lines>
      )}
    </Block>
  );
}

export function Users() {
  const { t } = useTranslation("home");
  const { t: app } = useTranslation("app");
  const format = useFormat();
  return (
    <Block title={t("users.title")} asked={users} all="/admin/users" isEmpty={(found) => found.length === 0} empty={t("users.empty")}>
      {(found) => (
        <Lines>
          {[...found]
            .sort((a, b) => (b.last_seen ?? "").localeCompare(a.last_seen ?? ""))
            .slice(0, FEW)
            .map((user) => (
              <Line
                key={user.login}
                icon={<IconUser size={18} stroke={1.6} aria-hidden />}
                to="/admin/users"
                title={user.name}
                detail={[user.login, app(`roles.${user.role}`), user.disabled ? t("users.disabled") : ""].filter(Boolean).join(" · ")}
                when={user.last_seen ? format.relative(user.last_seen) : t("users.never")}
              />
            ))}
        </Lines>
      )}
    </Block>
  );
}

export function MyRecord({ patient }: { patient: string }) {
  const { t } = useTranslation("home");
  return (
    <Framed title={t("mine.title")}>
      <Text size="sm" mb="sm">
        {t("mine.words")}
      </Text>
      <Button component={Link} to={`/patients/${patient}`} leftSection={<IconUser size={16} aria-hidden />}>
        {t("mine.open")}
      </Button>
    </Framed>
  );
}
