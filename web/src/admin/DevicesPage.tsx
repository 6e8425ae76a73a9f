import { Page } from "../ui/Page.tsx";

export function DevicesPage() {
  return <Page title="DevicesPage">…</Page>;
}
