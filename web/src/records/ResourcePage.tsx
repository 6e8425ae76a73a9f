import { Anchor, Button, Tabs, Text } from "@mantine/core";
import { IconPhotoScan } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Loading } from "../ui/Loading.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { askFhirText, keys, parseFhir } from "./api.ts";
import { studyUid, target, titleOf } from "./fhir/read.ts";
import type { ImagingStudy, Reference, Resource } from "./fhir/types.ts";
import { History } from "./resource/History.tsx";
import { Raw } from "./resource/Raw.tsx";
import { Elements } from "./resource/Value.tsx";
import { resourceRoute } from "./routes.tsx";
import { useTypeName } from "./words.ts";

const VIEWS = ["details", "history", "json"] as const;

export function ResourcePage() {
  const { t } = useTranslation("records");
  const { type, id } = resourceRoute.useParams();
  const { view = "details", version } = resourceRoute.useSearch();
  const navigate = useNavigate();
  const format = useFormat();
  const typeName = useTypeName()(type);
  const known = /^[A-Z][A-Za-z]+$/.test(type) && /^[A-Za-z0-9.-]{1,64}$/.test(id);
  const { data: text, error, isPending, refetch } = useQuery({
    queryKey: keys.resource(type, id),
    queryFn: ({ signal }) => askFhirText(`${encodeURIComponent(type)}/${encodeURIComponent(id)}`, signal),
    enabled: known,
  });
  const resource = useMemo(() => (text ? parseFhir<Resource>(text) : null), [text]);
  // marks of direction would turn what stands beside it
  const title = ((resource && titleOf(resource)) || typeName).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
  const subject = target((resource?.subject ?? resource?.patient ?? resource?.beneficiary) as Reference | undefined);
  const study = resource?.resourceType === "ImagingStudy" ? studyUid(resource as ImagingStudy) : null;
  const go = (change: { view?: "history" | "json"; version?: string }) => void navigate({ to: "/records/$type/$id", params: { type, id }, search: change, replace: true, resetScroll: false });
  return (
    <Page
      title={title.length > 100 ? `${title.slice(0, 100)}…` : title}
      lead={
        <>
          {title !== typeName && `${typeName} · `}
          {subject?.type === "Patient" && (
            <>
              <Anchor component={Link} to={`/patients/${subject.id}`} size="sm">
                <bdi>{((resource?.subject ?? resource?.patient) as Reference | undefined)?.display?.slice(0, 200) || t("toPatient")}</bdi>
              </Anchor>
              {" · "}
            </>
          )}
          {resource?.meta?.lastUpdated && t("changedAt", { when: format.time(resource.meta.lastUpdated), version: resource.meta.versionId ?? "" })}
        </>
      }
      actions={
        study && (
          <Button component={Link} to={`/studies/${study}`} leftSection={<IconPhotoScan size={16} aria-hidden />}>
            {t("openImages")}
          </Button>
        )
      }
    >
      {!known ? (
        <Text>{t("noSuch")}</Text>
      ) : (
        <Tabs
          value={view}
          onChange={(value) => go(value === "history" || value === "json" ? { view: value } : {})}
          keepMounted={false}
          activateTabWithKeyboard
        >
          <Tabs.List mb="md">
            {VIEWS.map((one) => (
              <Tabs.Tab key={one} value={one}>
                {t(`views.${one}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="history">
            <History type={type} id={id} chosen={version} choose={(next) => go({ view: "history", version: next })} />
          </Tabs.Panel>
          {/* what was deleted has a history to look at, and nothing else */}
          {view !== "history" && (
            <Tabs.Panel value={view}>
              {error ? (
                <ProblemView error={error} retry={() => void refetch()} />
              ) : isPending || !resource || !text ? (
                <Loading rows={8} />
              ) : view === "json" ? (
                <Raw text={text} name={`${type}-${id}`} />
              ) : (
                <div className="card" style={{ padding: "4px 16px" }}>
                  <Elements fields={resource} skip={["resourceType", "id", "meta", "implicitRules"]} />
                </div>
              )}
            </Tabs.Panel>
          )}
        </Tabs>
      )}
    </Page>
  );
}
