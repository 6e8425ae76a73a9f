import { Page } from "../ui/Page.tsx";

export function SharingPage() {
  return <Page title="SharingPage">…</Page>;
}
