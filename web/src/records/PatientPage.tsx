import { Page } from "../ui/Page.tsx";

export function PatientPage() {
  return <Page title="PatientPage">…</Page>;
}
