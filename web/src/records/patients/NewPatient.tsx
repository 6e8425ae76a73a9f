// A new patient: what is needed to tell people apart, and who is here already.
import { Alert, Anchor, Button, Group, List, Modal, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../../api/http.ts";
import { useFormat } from "../../app/format.ts";
import { done } from "../../ui/notify.ts";
import { ProblemView } from "../../ui/Problem.tsx";
import { askFhir, matches, parseFhir, query } from "../api.ts";
import { mrnOf, namesOf } from "../fhir/read.ts";
import type { Bundle, Patient } from "../fhir/types.ts";

const MR = { system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "MR" };
const isMrn = (identifier: { type?: { coding?: { code?: string }[] } }) => identifier.type?.coding?.some((coding) => coding.code === MR.code);

/** The system that the own member's record numbers have, as its patients bear it; none where there are none yet. */
async function mrnSystem(signal: AbortSignal): Promise<{ system?: string; managing?: Patient["managingOrganization"] }> {
  const bundle = await askFhir<Bundle<Patient>>(`Patient?${query({ _count: 20, _elements: "identifier,managingOrganization", _sort: "-_lastUpdated" })}`, signal);
  const counted = new Map<string, { count: number; managing: Patient["managingOrganization"] }>();
  for (const patient of matches<Patient>(bundle)) {
    const system = patient.identifier?.find(isMrn)?.system;
    if (system) counted.set(system, { count: (counted.get(system)?.count ?? 0) + 1, managing: patient.managingOrganization });
  }
  const [most] = [...counted].sort((a, b) => b[1].count - a[1].count);
  return { system: most?.[0], managing: most?.[1].managing };
}

interface Fields {
  family: string;
  given: string;
  birth: string;
  sex: string;
  mrn: string;
}

/** Who may be the same: the same number, or the same birth date and a family name that begins alike. */
async function alike(fields: Fields, signal: AbortSignal): Promise<Patient[]> {
  const search = async (parameters: Record<string, string>) =>
    matches<Patient>(await askFhir<Bundle<Patient>>(`Patient?${query({ ...parameters, _count: 5, _elements: "name,birthDate,identifier" })}`, signal));
  const escape = (value: string) => value.trim().replace(/[\\,$|]/g, "\\$&");
  const found = await Promise.all([
    fields.mrn.trim() ? search({ identifier: escape(fields.mrn) }) : [],
    fields.birth && fields.family.trim() ? search({ birthdate: fields.birth, family: escape(fields.family.trim().slice(0, 3)) }) : [],
    !fields.birth && fields.family.trim() && fields.given.trim() ? search({ family: escape(fields.family), given: escape(fields.given) }) : [],
  ]);
  return [...new Map(found.flat().map((patient) => [patient.id, patient])).values()].slice(0, 5);
}

export default function NewPatient({ close }: { close: () => void }) {
  const { t } = useTranslation("records");
  const { t: ui } = useTranslation("ui");
  const navigate = useNavigate();
  const client = useQueryClient();
  const format = useFormat();
  const [fields, setFields] = useState<Fields>({ family: "", given: "", birth: "", sex: "", mrn: "" });
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [settled] = useDebouncedValue(fields, 300);
  const system = useQuery({ queryKey: ["fhir", "Patient", "mrn-system"], queryFn: ({ signal }) => mrnSystem(signal), staleTime: 300_000 });
  const similar = useQuery({
    queryKey: ["fhir", "Patient", "alike", settled],
    queryFn: ({ signal }) => alike(settled, signal),
    enabled: Boolean(settled.mrn.trim() || settled.family.trim()),
  });
  const today = new Date().toISOString().slice(0, 10);
  const errors = {
    family: fields.family.trim() ? "" : t("new.needName"),
    birth: !fields.birth ? t("new.needBirth") : fields.birth > today ? t("new.future") : "",
    mrn: fields.mrn.trim() ? "" : t("new.needMrn"),
    sex: fields.sex ? "" : t("new.needSex"),
  };
  const shown = (key: keyof typeof errors) => (tried && errors[key]) || undefined;
  const set = (key: keyof Fields) => (event: { currentTarget: { value: string } }) => {
    const { value } = event.currentTarget;
    setFields((was) => ({ ...was, [key]: value }));
  };

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (Object.values(errors).some(Boolean) || sending) return;
    setSending(true);
    setProblem(null);
    const family = fields.family.trim();
    const given = fields.given.trim().split(/\s+/).filter(Boolean);
    const patient = {
      resourceType: "Patient",
      identifier: [{ use: "usual", type: { coding: [MR] }, system: system.data?.system, value: fields.mrn.trim() }],
      active: true,
      name: [{ use: "official", family, given: given.length ? given : undefined }],
      gender: fields.sex,
      birthDate: fields.birth,
      managingOrganization: system.data?.managing,
    };
    try {
      const criteria = query({ identifier: `${system.data?.system ? `${system.data.system}|` : ""}${fields.mrn.trim().replace(/[\\,$|]/g, "\\$&")}` });
      const response = await ask("/fhir/Patient", {
        method: "POST",
        body: JSON.stringify(patient),
        headers: { "Content-Type": "application/fhir+json", Prefer: "return=representation", "If-None-Exist": criteria },
      });
      const stored = parseFhir<Patient>(await response.text());
      void client.invalidateQueries({ queryKey: ["fhir", "Patient"] });
      done(response.status === 201 ? t("new.done") : t("new.existed"));
      await navigate({ to: "/patients/$patient", params: { patient: stored.id } });
    } catch (error) {
      setProblem(error);
    } finally {
      setSending(false);
    }
  }

  const also = similar.data ?? [];
  return (
    <Modal opened onClose={close} title={t("new.title")} size="lg" closeButtonProps={{ "aria-label": ui("close") }}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack gap="sm">
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <TextInput label={t("new.family")} required value={fields.family} onChange={set("family")} error={shown("family")} dir="auto" autoComplete="off" maxLength={200} data-autofocus />
            <TextInput label={t("new.given")} value={fields.given} onChange={set("given")} dir="auto" autoComplete="off" maxLength={200} />
            <TextInput type="date" label={t("new.birth")} required max={today} value={fields.birth} onChange={set("birth")} error={shown("birth")} />
            <Select
              label={t("new.sex")}
              required
              data={["female", "male", "other", "unknown"].map((value) => ({ value, label: t(`sex.${value}`) }))}
              value={fields.sex || null}
              onChange={(sex) => setFields((was) => ({ ...was, sex: sex ?? "" }))}
              error={shown("sex")}
            />
            <TextInput label={t("mrn")} required value={fields.mrn} onChange={set("mrn")} error={shown("mrn")} autoComplete="off" maxLength={64} description={system.data?.system} />
          </SimpleGrid>
          <div aria-live="polite">
            {also.length > 0 && (
              <Alert color="yellow" variant="default" icon={<IconUsers aria-hidden />} title={t("new.alike")}>
                <List size="sm">
                  {also.map((patient) => (
                    <List.Item key={patient.id}>
                      <Anchor component={Link} to={`/patients/${patient.id}`} size="sm">
                        <bdi>{namesOf(patient).join(" · ").slice(0, 200) || t("noName")}</bdi>
                      </Anchor>
                      , {format.date(patient.birthDate)}, <bdi>{mrnOf(patient).slice(0, 80)}</bdi>
                    </List.Item>
                  ))}
                </List>
              </Alert>
            )}
          </div>
          {problem !== null && <ProblemView error={problem} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("cancel")}
            </Button>
            <Button type="submit" loading={sending}>
              {t("new.create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
