import { Container, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Loading } from "../ui/Loading.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { patientQuery } from "./api.ts";
import { Banner } from "./patient/Banner.tsx";
import { Summary, useSummaryAnswered } from "./patient/Summary.tsx";
import { Timeline } from "./patient/Timeline.tsx";
import { patientRoute } from "./routes.tsx";

export function PatientPage() {
  const { patient: id } = patientRoute.useParams();
  const search = patientRoute.useSearch();
  const navigate = useNavigate();
  const { data, error, isPending, refetch } = useQuery(patientQuery(id));
  const answered = useSummaryAnswered(id);
  if (isPending)
    return (
      <>
        <Skeleton height={92} radius={0} />
        <Loading />
      </>
    );
  if (error) return <ProblemView error={error} retry={() => void refetch()} page />;
  return (
    <>
      <Banner patient={data.patient} owner={data.owner} />
      {!answered && <Loading />}
      <Container size="xl" py="lg" px={{ base: "sm", sm: "lg" }} w="100%" hidden={!answered}>
        <Stack gap="xl">
          <Summary patient={id} />
          <Timeline
            patient={id}
            search={search}
            change={(change) => void navigate({ to: "/patients/$patient", params: { patient: id }, search: { ...search, ...change }, replace: true, resetScroll: false })}
          />
        </Stack>
      </Container>
    </>
  );
}
