import { Page } from "../ui/Page.tsx";

export function PatientsPage() {
  return <Page title="PatientsPage">…</Page>;
}
